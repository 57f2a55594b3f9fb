import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { BenchmarkDefinition } from '../benchmarks/benchmark.js';
import { assetOf } from '../datasets/catalogue.js';
import type { ImageSourceEntry, SplitEntry, SplitFile } from '../datasets/catalogue-schema.js';
import { removeFinishedParts } from '../fetch/download-file.js';
import { hubAddress } from '../fetch/hub-address.js';
import { UserError, usageError } from '../shared/errors.js';
import { sha256OfFile } from '../shared/file-hash.js';
import { lockFolder, removeTemporaryFiles } from '../shared/folder-lock.js';
import { makeFolder } from '../shared/make-folder.js';
import { forEachParallel } from '../shared/parallel.js';
import { fileState, recordDownload } from './download-record.js';
import { areAddressesDone, fetchAddresses } from './fetch-addresses.js';
import { ensureAsset, ensureMembers } from './fetch-asset.js';
import { fetchMirror } from './fetch-mirror.js';
import { areHubFilesThere, fetchHubFiles } from './hub-files.js';
import { archiveFolder, type DownloadTools, imagePath, imagesOf, isStale, type SplitJob } from './split-job.js';
import { type UpstreamChange, upstreamChanges } from './upstream-changes.js';

const ASSETS_AT_ONCE = 4;
/** Number of missing images to name; the rest are only counted. */
const NAMED_MISSING = 3;

export interface SplitDownload {
  folder: string;
  /** Images that could not be downloaded, for example because of dead links. */
  missingImages: number;
  /** Bytes transferred over the network. */
  transferredBytes: number;
  /** Bytes not transferred of files that were read in parts. */
  savedBytes: number;
}

/**
 * Downloads a split's files and the images its questions need into `<root>/<benchmark>`. Existing files are kept, so an
 * interrupted download resumes. Only one process at a time downloads into a root.
 * @throws UserError when a file cannot be downloaded or must be downloaded manually
 */
export async function downloadSplit(
  definition: BenchmarkDefinition,
  split: SplitEntry,
  tools: DownloadTools,
): Promise<SplitDownload> {
  if (tools.origin === 'hf' && !split.mirror && !split.hub) {
    throw usageError(
      `datasets.json lists no Hugging Face mirror for ${definition.name} ${split.name}. Use --source official.`,
    );
  }
  const folder = join(tools.root, definition.name);
  await makeFolder(folder);
  const lock = await lockFolder(tools.root, {
    onWait: (message) => tools.progress.log(message),
    ...{ waits: true, signal: tools.signal },
  });
  try {
    for (const place of [folder, archiveFolder(tools.root)]) {
      await removeTemporaryFiles(place, lock);
      await removeFinishedParts(place);
    }
    const job: SplitJob = {
      definition,
      split,
      folder,
      tools,
      hub: await hubAddress(),
      stale: new Set(),
      traffic: { transferredBytes: 0, savedBytes: 0 },
    };
    const changes = tools.upstream === 'ignore' || tools.requests.offline ? [] : await changesOf(job);
    const isTaken = tools.upstream === 'take';
    for (const { url, difference } of changes) {
      const action = isTaken ? 'downloading it again' : 'keeping the local copy (--update downloads it again)';
      tools.progress.log(`${url} has changed (${difference}): ${action}.`);
    }
    const missingImages = await fetchAll({ ...job, stale: new Set(isTaken ? changes.map(({ url }) => url) : []) });
    return { folder, missingImages, ...job.traffic };
  } finally {
    await lock.release();
  }
}

/** Changes upstream since this split and its archives were downloaded. */
async function changesOf({ folder, tools, hub }: SplitJob): Promise<UpstreamChange[]> {
  const tell = (message: string): void => tools.progress.log(`Not checked for changes: ${message}`);
  const places = [folder, archiveFolder(tools.root)];
  const changes = await Promise.all(places.map((place) => upstreamChanges(place, tools.requests, hub, tell)));
  return changes.flat();
}

/** @returns the number of images that could not be downloaded */
async function fetchAll(job: SplitJob): Promise<number> {
  const { split, tools } = job;
  const byAsset = new Map<string, SplitFile[]>();
  for (const file of split.files) byAsset.set(file.asset, [...(byAsset.get(file.asset) ?? []), file]);
  await forEachParallel(byAsset, ASSETS_AT_ONCE, ([id, files]) => fetchFiles(id, files, job));
  if (split.hub) await fetchHubFiles(split.hub, job);
  if (tools.origin === 'hf' && split.mirror) return fetchMirror(split.mirror, job);
  let missingImages = 0;
  for (const images of split.images) missingImages += await fetchImages(images, job);
  return missingImages;
}

/** Whether all files and images of a split are in its folder. */
export async function isSplitThere(definition: BenchmarkDefinition, split: SplitEntry, root: string): Promise<boolean> {
  const folder = join(root, definition.name);
  for (const { to } of split.files) {
    if (!existsSync(join(folder, to))) return false;
  }
  if (split.hub && !(await areHubFilesThere(split.hub, folder))) return false;
  for (const images of split.images) {
    if (images.kind === 'archive' && !existsSync(join(folder, images.to))) return false;
    if (images.kind === 'addresses' && !(await areAddressesDone(folder, images.to))) return false;
    if (images.kind === 'members' || images.kind === 'manual') {
      if ((await missingOf(images, { definition, split, folder })).missing.length > 0) return false;
    }
  }
  return true;
}

/** Fetches the files of a split that come from one asset. */
async function fetchFiles(id: string, files: readonly SplitFile[], job: SplitJob): Promise<void> {
  const { folder, tools } = job;
  const asset = assetOf(tools.catalogue, id);
  const wanted: { file: SplitFile; member: string; to: string }[] = [];
  for (const file of files) {
    const { to, member } = file;
    if (member === undefined) await ensureAsset(asset, folder, to, job);
    else if ((await fileState(folder, to)) === 'missing' || isStale(job, asset)) {
      wanted.push({ file, member, to: join(folder, to) });
    }
  }
  if (wanted.length === 0) return;
  tools.progress.log(`${wanted.map(({ file }) => file.to).join(', ')} from ${asset.urls[0]}`);
  const from = await ensureMembers(id, wanted, job);
  for (const { file, member, to } of wanted) {
    const sha256 = await sha256OfFile(to);
    if (file.sha256 !== undefined && sha256 !== file.sha256) {
      await rm(to);
      throw new UserError(`${from}: ${member} has sha256 ${sha256}, expected ${file.sha256}. It was deleted.`);
    }
    await recordDownload(folder, file.to, { url: `${from}#${member}`, etag: null, sha256 });
  }
}

/** @returns the number of images that could not be downloaded */
async function fetchImages(images: ImageSourceEntry, job: SplitJob): Promise<number> {
  const { folder, tools } = job;
  switch (images.kind) {
    case 'archive':
      await ensureAsset(assetOf(tools.catalogue, images.asset), folder, images.to, job);
      return 0;
    case 'manual': {
      const { all, missing } = await missingOf(images, job);
      if (missing.length === 0) return 0;
      const some = missing.slice(0, NAMED_MISSING).join(', ');
      throw new UserError(
        `${join(folder, images.to)} must be downloaded manually: see ${images.page}. ${images.instructions}\n` +
          `${missing.length} of ${all.length} files are missing: ${some}${missing.length > NAMED_MISSING ? ' ...' : ''}`,
      );
    }
    case 'addresses':
      return fetchAddresses(images.to, job);
    case 'members': {
      const asset = assetOf(tools.catalogue, images.asset);
      const { all, missing } = await missingOf(images, job);
      const names = isStale(job, asset) ? all : missing;
      if (names.length === 0) return 0;
      tools.progress.log(`${names.length} of ${all.length} images from ${asset.urls[0]}`);
      const path = join(folder, images.to);
      const wanted = names.map((name) => ({ member: images.prefix + name, to: imagePath(path, name) }));
      await ensureMembers(images.asset, wanted, job);
      return 0;
    }
  }
}

/** The names of all images expected in a folder, and of those that are missing. */
async function missingOf(
  { kind, to }: ImageSourceEntry,
  job: Pick<SplitJob, 'definition' | 'split' | 'folder'>,
): Promise<{ all: string[]; missing: string[] }> {
  const names = await imagesOf(job);
  // Names of manually downloaded images start with their folder.
  const all = kind === 'manual' ? names.filter((name) => name.startsWith(`${to}/`)) : names;
  const base = kind === 'manual' ? job.folder : join(job.folder, to);
  if (kind === 'manual' && existsSync(`${join(job.folder, to)}.zip`)) return { all, missing: [] };
  return { all, missing: all.filter((name) => !existsSync(join(base, name))) };
}
