import { existsSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { MirrorEntry } from '../datasets/catalogue-schema.js';
import {
  notParquet,
  openParquetFile,
  type ParquetFile,
  type RowRange,
  readWholeColumn,
  rowGroupRanges,
} from '../datasets/parquet-file.js';
import { imageBytesChunk, imageColumn, readImages, textOf } from '../datasets/parquet-image-column.js';
import { checkDiskSpace } from '../disk-space.js';
import { UserError } from '../errors.js';
import { downloadFile } from '../fetch/download-file.js';
import { RangeUnsupported } from '../fetch/http.js';
import { type HubFile, hashOption, readRepository } from '../fetch/hub-repository.js';
import { recordParts } from './download-lock.js';
import { openRemoteParquet } from './remote-parquet.js';
import { archiveFolder, imagePath, megabytes, type SplitJob } from './split-job.js';

/** Missing images that are named; the others are counted. */
const NAMED_MISSING = 3;

/** Images that are wanted. */
interface Wanted {
  /** Their names by the keys that the mirror has for them; questions about one image are several keys. */
  byKey: ReadonlyMap<string, string>;
  /** Names of those that were not found yet. */
  left: Set<string>;
}

/**
 * Fetches the images of a split out of a parquet mirror: of each file the key column and, of the row groups that have
 * wanted images, the images. They become files of the names that the loader looks for.
 * @returns how many images could not be had: none
 * @throws UserError when the mirror cannot be read, or lacks images
 */
export async function fetchMirror(mirror: MirrorEntry, job: SplitJob): Promise<number> {
  const { tools, folder } = job;
  const target = join(folder, mirror.to);
  const wanted = await wantedImages(mirror, job, target);
  const count = wanted.left.size;
  if (count === 0) return 0;
  const shards = await shardsOf(mirror, job);
  tools.progress.log(`${count} images, out of ${shards.length} parquet files (${shards[0]!.url} ...)`);
  for (const shard of shards) {
    if (wanted.left.size === 0) break;
    await fetchShard(shard, mirror, wanted, target, job);
  }
  const missing = [...wanted.left];
  if (missing.length === 0) return 0;
  const some = missing.slice(0, NAMED_MISSING).join(', ');
  throw new UserError(
    `${mirror.repos[0]} lacks ${missing.length} of ${count} images: ${some}${missing.length > NAMED_MISSING ? ' ...' : ''}. ` +
      '--source official fetches what is missing.',
  );
}

async function wantedImages({ key }: MirrorEntry, job: SplitJob, target: string): Promise<Wanted> {
  const { definition, split, folder } = job;
  const { questions } = await definition.load(folder, { split: split.name, protocol: 'llava', images: false });
  const byKey = new Map<string, string>();
  for (const { image, questionId } of questions) {
    if (image === null || existsSync(imagePath(target, image))) continue;
    byKey.set(key.of === 'question' ? String(questionId) : stem(image), image);
  }
  return { byKey, left: new Set(byKey.values()) };
}

/** A key with or without an extension. */
function stem(name: string): string {
  return name.replace(/\.(jpe?g|png|gif)$/i, '');
}

/** The mirror's parquet files, of the first repository that can be had. */
async function shardsOf({ repos, revision, files: pattern }: MirrorEntry, { tools }: SplitJob): Promise<HubFile[]> {
  const failures: string[] = [];
  for (const name of repos) {
    try {
      const { files } = await readRepository(tools.requests, { type: 'dataset', name }, revision);
      const shards = files.filter(({ path }) => new RegExp(pattern).test(path));
      if (shards.length > 0) return shards.sort((a, b) => (a.path < b.path ? -1 : 1));
      failures.push(`${name} (${revision}) has no files like ${pattern}`);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      failures.push(error.message);
    }
  }
  throw new UserError(`No mirror can be read:\n  ${failures.join('\n  ')}`);
}

async function fetchShard(
  shard: HubFile,
  mirror: MirrorEntry,
  wanted: Wanted,
  target: string,
  job: SplitJob,
): Promise<void> {
  const { requests, signal, progress } = job.tools;
  try {
    const file = await openRemoteParquet(requests, shard, signal);
    await writeImages(file, mirror, wanted, target, job);
    const { transferredBytes, requests: count } = file.traffic;
    const savedBytes = Math.max(0, shard.bytes - transferredBytes);
    job.traffic.transferredBytes += transferredBytes;
    job.traffic.savedBytes += savedBytes;
    await recordParts(job.folder, shard.url, { etag: file.etag, bytes: shard.bytes });
    progress.log(`  ${megabytes(transferredBytes)} in ${count} requests, ${megabytes(savedBytes)} saved`);
  } catch (error) {
    if (!(error instanceof RangeUnsupported)) throw error;
    progress.log(`  ${error.message}: fetching all of it`);
    const file = await openParquetFile(await downloadShard(shard, job));
    await writeImages(file, mirror, wanted, target, job).finally(file.close);
  }
}

/** @returns the path of the whole file, which is kept */
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

async function writeImages(
  file: ParquetFile,
  { key, repos }: MirrorEntry,
  wanted: Wanted,
  target: string,
  job: SplitJob,
): Promise<void> {
  const columns = file.columns.map(({ element }) => element.name);
  if (!columns.includes(key.column) || imageColumn(file) === null) {
    throw new UserError(
      `${file.path} has other columns than ${repos[0]} had: no "${key.column}", or no images; it has ` +
        `${columns.join(', ')}. Take --source official.`,
    );
  }
  const keys = (await readWholeColumn(file, key.column)).map((value) => stem(textOf(value)));
  const groups = rowGroupRanges(file.metadata).map((rows, i) => ({ rows, group: file.metadata.row_groups[i]! }));
  const planned = groups
    .map(({ rows, group }) => ({
      bytes: Number(imageBytesChunk(group)?.total_compressed_size ?? 0),
      images: imagesIn(keys, rows, wanted),
    }))
    .filter(({ images }) => images.length > 0);
  const totalBytes = planned.reduce((sum, { bytes }) => sum + bytes, 0);
  await checkDiskSpace(target, totalBytes, 'Unpacking images');
  const transfer = job.tools.progress.begin(basename(file.path), totalBytes);
  let doneBytes = 0;
  try {
    for (const { bytes, images } of planned) {
      job.tools.signal?.throwIfAborted();
      await writeRows(file, images, target);
      doneBytes += bytes;
      transfer.update(doneBytes);
    }
  } finally {
    transfer.end();
  }
}

/** A wanted image and its row in the file. */
interface Row {
  row: number;
  image: string;
}

/** The images of a row group that are left, each once; then they are not left any more. */
function imagesIn(keys: readonly string[], rows: RowRange, { byKey, left }: Wanted): Row[] {
  const found: Row[] = [];
  for (let row = rows.start; row < rows.end; row++) {
    const image = byKey.get(keys[row]!);
    if (image !== undefined && left.delete(image)) found.push({ row, image });
  }
  return found;
}

async function writeRows(file: ParquetFile, images: readonly Row[], target: string): Promise<void> {
  const [start, end] = [images[0]!.row, images.at(-1)!.row + 1];
  const bytes = await readImages(file, { start, end }).catch((error) => {
    throw error instanceof UserError || error instanceof RangeUnsupported ? error : notParquet(file.path, error);
  });
  for (const { row, image } of images) {
    const content = bytes[row - start];
    if (!(content instanceof Uint8Array)) throw new UserError(`${file.path}, row ${row}: ${image} has no bytes.`);
    const path = imagePath(target, image);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(`${path}.part`, content);
    await rename(`${path}.part`, path);
  }
}
