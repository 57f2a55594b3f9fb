import { existsSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { BenchmarkDefinition } from '../benchmarks/benchmark.js';
import { ocrVqaImageAddresses } from '../benchmarks/ocrvqa.js';
import { assetOf } from '../datasets/catalogue.js';
import type { Asset, Catalogue, ImageSourceEntry, SplitEntry, SplitFile } from '../datasets/catalogue-schema.js';
import { checkDiskSpace } from '../disk-space.js';
import { messageOf, UserError } from '../errors.js';
import { downloadFile } from '../fetch/download-file.js';
import { extractZip } from '../fetch/extract-zip.js';
import { RangeUnsupported, type Requests } from '../fetch/http.js';
import { openRemoteZip } from '../fetch/remote-zip.js';
import type { WantedMember } from '../fetch/zip-members.js';
import { sha256OfFile } from '../file-hash.js';
import { insideFolder } from '../inside-folder.js';
import { fileState, recordDownload } from './download-lock.js';

/** Archives up to this size are fetched whole, and kept for the other benchmarks that need them. */
const WHOLE_ARCHIVE_BYTES = 64 << 20;
const ADDRESSES_AT_ONCE = 4;
/** Dead addresses that are named; the others are counted. */
const NAMED_DEAD = 5;

export interface DownloadTools {
  catalogue: Catalogue;
  requests: Requests;
  /** Each benchmark has a folder of its name here. */
  root: string;
  signal?: AbortSignal;
  /** What is being done, for a person. */
  log(line: string): void;
  onProgress?(progress: { stage: string; doneBytes: number; totalBytes: number }): void;
}

export interface SplitDownload {
  folder: string;
  /** Images that could not be had, as of dead addresses. */
  missingImages: number;
}

/**
 * Fetches what a split needs into `<root>/<benchmark>`: its files, then the images that its questions ask about. What is
 * there is left alone, so that an interrupted download continues.
 * @throws UserError when a file cannot be had, or a person has to fetch it
 */
export async function downloadSplit(
  definition: BenchmarkDefinition,
  split: SplitEntry,
  tools: DownloadTools,
): Promise<SplitDownload> {
  const folder = join(tools.root, definition.name);
  await mkdir(folder, { recursive: true });
  for (const file of split.files) await fetchFile(file, folder, tools);
  let missingImages = 0;
  for (const images of split.images) {
    missingImages += await fetchImages(images, definition, split, folder, tools);
  }
  return { folder, missingImages };
}

/** Whether all of a split's files and images are in its folder. */
export async function isSplitThere(definition: BenchmarkDefinition, split: SplitEntry, root: string): Promise<boolean> {
  const folder = join(root, definition.name);
  for (const { to } of split.files) {
    if ((await fileState(folder, to)) === 'missing') return false;
  }
  for (const images of split.images) {
    if (images.kind === 'archive' && !existsSync(join(folder, images.to))) return false;
    if (images.kind === 'manual' && !existsSync(join(folder, images.to))) return false;
    if (images.kind === 'addresses' && !existsSync(join(folder, images.to))) return false;
    if (images.kind === 'members') {
      const names = await imagesOf(definition, split, folder);
      if (!names.every((name) => existsSync(join(folder, images.to, name)))) return false;
    }
  }
  return true;
}

async function fetchFile(file: SplitFile, folder: string, tools: DownloadTools): Promise<void> {
  const { to, asset: id, member } = file;
  if ((await fileState(folder, to)) !== 'missing') return;
  const asset = assetOf(tools.catalogue, id);
  if (member === undefined) {
    await fetchAsset(asset, folder, to, tools);
    return;
  }
  tools.log(`${to}, out of ${asset.urls[0]}`);
  const wanted = [{ member, to: join(folder, to) }];
  const from = await extractFrom(id, asset, wanted, tools);
  const sha256 = await sha256OfFile(join(folder, to));
  if (file.sha256 !== undefined && sha256 !== file.sha256) {
    await rm(join(folder, to));
    throw new UserError(`${from}: ${member} has the sha256 ${sha256}, not ${file.sha256}. It was not kept.`);
  }
  await recordDownload(folder, to, { url: `${from}#${member}`, etag: null, sha256 });
}

/** A file as it is on the web. */
async function fetchAsset(asset: Asset, folder: string, to: string, tools: DownloadTools): Promise<void> {
  const path = join(folder, to);
  if (asset.urls.length === 0) {
    throw new UserError(`A person has to fetch ${to}: see ${asset.page}, and put it at ${path}.`);
  }
  await checkDiskSpace(folder, asset.bytes ?? 0, to);
  tools.log(`${to}, from ${asset.urls[0]}${asset.bytes === undefined ? '' : ` (${megabytes(asset.bytes)})`}`);
  const { signal } = tools;
  const onProgress = (doneBytes: number, totalBytes: number | null): void =>
    tools.onProgress?.({ stage: to, doneBytes, totalBytes: totalBytes ?? doneBytes });
  const file = await downloadFile(tools.requests, asset, path, { signal, onProgress });
  await recordDownload(folder, to, file);
}

/**
 * Members of an archive: over ranges where only a part of it is needed and the server can, else out of the whole archive.
 * @returns the URL or file that they are from
 */
async function extractFrom(
  id: string,
  asset: Asset,
  wanted: readonly WantedMember[],
  tools: DownloadTools,
): Promise<string> {
  const archives = join(tools.root, 'archives');
  const name = `${id}.zip`;
  const { signal } = tools;
  const isSmall = asset.bytes !== undefined && asset.bytes <= WHOLE_ARCHIVE_BYTES;
  if (!isSmall && !existsSync(join(archives, name))) {
    const failures: string[] = [];
    for (const url of asset.urls) {
      try {
        const zip = await openRemoteZip(tools.requests, url);
        const { totalBytes, traffic } = zip;
        const onProgress = (done: number, all: number): void =>
          tools.onProgress?.({ stage: `${done} of ${all} files`, doneBytes: traffic.transferredBytes, totalBytes });
        await zip.extract(wanted, { signal, onProgress });
        const saved = Math.max(0, totalBytes - traffic.transferredBytes);
        tools.log(
          `  ${megabytes(traffic.transferredBytes)} in ${traffic.requests} requests, ${megabytes(saved)} saved`,
        );
        return url;
      } catch (error) {
        if (error instanceof RangeUnsupported) {
          tools.log(`  ${error.message}: fetching all of it`);
          break;
        }
        if (!(error instanceof UserError)) throw error;
        failures.push(error.message);
      }
    }
    if (failures.length === asset.urls.length) throw new UserError(`No source worked:\n  ${failures.join('\n  ')}`);
  }
  if (!existsSync(join(archives, name))) {
    await mkdir(archives, { recursive: true });
    await fetchAsset(asset, archives, name, tools);
  }
  await extractZip(join(archives, name), wanted, { signal });
  return join(archives, name);
}

/** @returns how many images could not be had */
async function fetchImages(
  images: ImageSourceEntry,
  definition: BenchmarkDefinition,
  split: SplitEntry,
  folder: string,
  tools: DownloadTools,
): Promise<number> {
  const path = join(folder, images.to);
  switch (images.kind) {
    case 'archive':
      if (!existsSync(path)) await fetchAsset(assetOf(tools.catalogue, images.asset), folder, images.to, tools);
      return 0;
    case 'manual':
      if ((await readdir(path).catch(() => [])).length > 0) return 0;
      throw new UserError(`A person has to fetch ${path}: see ${images.page}. ${images.instructions}`);
    case 'addresses':
      return fetchAddresses(await ocrVqaImageAddresses(folder), path, tools);
    case 'members': {
      const names = await imagesOf(definition, split, folder);
      const missing = names.filter((name) => !existsSync(join(path, name)));
      if (missing.length === 0) return 0;
      const asset = assetOf(tools.catalogue, images.asset);
      tools.log(`${missing.length} of ${names.length} images, out of ${asset.urls[0]}`);
      const wanted = missing.map((name) => ({ member: images.prefix + name, to: targetOf(path, name) }));
      await extractFrom(images.asset, asset, wanted, tools);
      return 0;
    }
  }
}

/** Names of the images that a split asks about, from its files. */
async function imagesOf(definition: BenchmarkDefinition, split: SplitEntry, folder: string): Promise<string[]> {
  const { questions } = await definition.load(folder, { split: split.name, protocol: 'llava', images: false });
  return [...new Set(questions.flatMap(({ image }) => (image === null ? [] : [image])))];
}

/** Names come from annotation files of others. */
function targetOf(folder: string, name: string): string {
  const path = insideFolder(folder, name);
  if (path === null) throw new UserError(`The image ${JSON.stringify(name)} leads out of ${folder}.`);
  return path;
}

/** One request per image; dead addresses are reported, not fatal: mirrors of shops lose pictures. */
async function fetchAddresses(
  addresses: ReadonlyMap<string, string>,
  folder: string,
  tools: DownloadTools,
): Promise<number> {
  const missing = [...addresses].filter(([name]) => !existsSync(join(folder, name)));
  if (missing.length > 0) tools.log(`${missing.length} of ${addresses.size} images, each from its own address`);
  const dead: string[] = [];
  const queue = [...missing];
  const work = async (): Promise<void> => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const [name, url] = next;
      try {
        await downloadFile(tools.requests, { urls: [url], format: 'other' }, targetOf(folder, name), {
          signal: tools.signal,
        });
      } catch (error) {
        if (!(error instanceof UserError) || tools.requests.offline) throw error;
        dead.push(messageOf(error));
      }
      const done = missing.length - queue.length;
      tools.onProgress?.({ stage: 'images', doneBytes: done, totalBytes: missing.length });
    }
  };
  await Promise.all(Array.from({ length: ADDRESSES_AT_ONCE }, work));
  for (const failure of dead.slice(0, NAMED_DEAD)) tools.log(`  dead: ${failure}`);
  if (dead.length > NAMED_DEAD) tools.log(`  and ${dead.length - NAMED_DEAD} more`);
  return dead.length;
}

export function megabytes(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
