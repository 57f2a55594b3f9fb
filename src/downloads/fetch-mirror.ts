import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { MirrorEntry } from '../datasets/catalogue-schema.js';
import { PARQUET_HEAP_MEGABYTES, PARQUET_STALL_MS } from '../datasets/parquet-folder.js';
import { downloadFile } from '../fetch/download-file.js';
import { RangeUnsupported } from '../fetch/http.js';
import { type HubFile, hashOption } from '../fetch/hub-repository.js';
import { byteSize } from '../shared/byte-size.js';
import { countOf } from '../shared/count-of.js';
import { UserError } from '../shared/errors.js';
import { startWatchedProcess } from '../shared/watched-process.js';
import type { Transfer } from '../terminal/transfer-progress.js';
import { recordParts } from './download-record.js';
import { matchingHubFiles } from './hub-files.js';
import { stem, type WantedImages } from './mirror-images.js';
import type { MirrorAnswer, MirrorNote, MirrorRequest } from './mirror-process.js';
import { archiveFolder, imagePath, type SplitJob } from './split-job.js';

/** Number of missing images to name; the rest are only counted. */
const NAMED_MISSING = 3;

/**
 * Fetches the images of a split from a Parquet mirror: reads the key column of each file and the row groups with needed
 * images, and writes them under the names that the loader expects.
 * @returns the number of images that could not be downloaded: always 0
 * @throws UserError when the mirror cannot be read or does not have all images
 */
export async function fetchMirror(mirror: MirrorEntry, job: SplitJob): Promise<number> {
  const { progress } = job.tools;
  const target = join(job.folder, mirror.to);
  const byKey = await wantedImages(mirror, job, target);
  const left = new Set(byKey.values());
  const count = left.size;
  if (count === 0) return 0;
  const { repo, files: shards } = await matchingHubFiles(mirror, job.tools);
  progress.log(`${countOf(count, 'image')} from ${countOf(shards.length, 'Parquet file')} (${shards[0]!.url} ...)`);
  const reader = startReader(job);
  try {
    for (const shard of shards) {
      if (left.size === 0) break;
      const wanted = { keyColumn: mirror.key.column, byKey, target, repository: repo };
      for (const image of await fetchShard(shard, wanted, reader, job)) left.delete(image);
      for (const [key, image] of byKey) if (!left.has(image)) byKey.delete(key);
    }
  } finally {
    reader.close();
  }
  if (left.size === 0) return 0;
  const some = [...left].slice(0, NAMED_MISSING).join(', ');
  throw new UserError(
    `${repo} does not have ${left.size} of ${count} images: ${some}${left.size > NAMED_MISSING ? ' ...' : ''}. ` +
      'Use --source official to download the rest.',
  );
}

/** Names of the missing images, by the mirror's keys. */
async function wantedImages({ key }: MirrorEntry, job: SplitJob, target: string): Promise<Map<string, string>> {
  const { definition, split, folder } = job;
  const { questions } = await definition.load(folder, { split: split.name, protocol: 'llava', images: false });
  const byKey = new Map<string, string>();
  for (const { image, questionId } of questions) {
    if (image === null || existsSync(imagePath(target, image))) continue;
    byKey.set(key.of === 'question' ? String(questionId) : stem(image), image);
  }
  return byKey;
}

/** @returns the names of the written images */
async function fetchShard(shard: HubFile, wanted: WantedImages, reader: Reader, job: SplitJob): Promise<string[]> {
  const name = basename(shard.path);
  try {
    const { images, etag, traffic } = await reader.read(name, { file: shard, wanted });
    const { transferredBytes, requests: count } = traffic;
    const savedBytes = Math.max(0, shard.bytes - transferredBytes);
    job.traffic.transferredBytes += transferredBytes;
    job.traffic.savedBytes += savedBytes;
    await recordParts(job.folder, shard.url, { etag, bytes: shard.bytes });
    job.tools.progress.log(
      `  ${byteSize(transferredBytes)} in ${countOf(count, 'request')}, ${byteSize(savedBytes)} saved`,
    );
    return images;
  } catch (error) {
    if (!(error instanceof RangeUnsupported)) throw error;
    job.tools.progress.log(`  ${error.message}: downloading the whole file`);
    const { images } = await reader.read(name, { file: await downloadShard(shard, job), wanted });
    return images;
  }
}

/** The process that reads the mirror's files. */
interface Reader {
  /** @param name for the progress display */
  read(name: string, request: MirrorRequest): Promise<MirrorAnswer>;
  close(): void;
}

function startReader({ tools: { progress, signal } }: SplitJob): Reader {
  let transfer: Transfer | undefined;
  let reading = '';
  const child = startWatchedProcess<MirrorRequest, MirrorAnswer, MirrorNote>(
    new URL('./mirror-process.js', import.meta.url),
    {
      heapMegabytes: PARQUET_HEAP_MEGABYTES,
      stallMs: PARQUET_STALL_MS,
      endedError: (how) => new UserError(`${reading} is damaged: reading it ${how}. Use --source official.`),
      failureError: ({ name, message }) =>
        name === 'RangeUnsupported' ? new RangeUnsupported(message) : new UserError(message),
      onNote(note) {
        if ('message' in note) progress.log(note.message);
        else transfer?.update(note.doneBytes, note.totalBytes);
      },
    },
  );
  signal?.addEventListener('abort', child.close);
  return {
    async read(name, request) {
      signal?.throwIfAborted();
      reading = typeof request.file === 'string' ? request.file : request.file.url;
      transfer = progress.begin(name, null);
      try {
        return await child.ask(request);
      } catch (error) {
        signal?.throwIfAborted();
        throw error;
      } finally {
        transfer.end();
      }
    },
    close() {
      signal?.removeEventListener('abort', child.close);
      child.close();
    },
  };
}

/** Downloads and keeps a complete file. @returns its path */
async function downloadShard({ url, path, headers, bytes, hash }: HubFile, job: SplitJob): Promise<string> {
  const { requests, signal, progress, root } = job.tools;
  const to = join(archiveFolder(root), `${job.definition.name}-${basename(path)}`);
  if (existsSync(to)) return to;
  const transfer = progress.begin(basename(path), bytes);
  const source = { urls: [url], format: 'parquet', bytes, ...hashOption(hash), headersFor: () => headers } as const;
  const options = { signal, onProgress: transfer.update };
  const file = await downloadFile(requests, source, to, options).finally(transfer.end);
  job.traffic.transferredBytes += file.transferredBytes;
  return to;
}
