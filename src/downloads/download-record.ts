import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256OfFile } from '../shared/file-hash.js';
import { jsonFile } from '../shared/json-file.js';
import { AMOUNT, COUNT, mapOf, nullable, objectOf, SHA256, TEXT } from '../shared/json-schema.js';

/** downloads.json in a benchmark's folder: source and state of each downloaded file. */
export interface DownloadRecord {
  schemaVersion: 1;
  /** By file name in the folder. */
  files: Record<string, RecordedFile>;
  /** By URL: archives and Parquet files that were fetched in parts. */
  parts?: Record<string, RecordedSource>;
  /** By pattern: the files of a repository that match it, once all are there. */
  hubFiles?: Record<string, string[]>;
}

export interface RecordedFile {
  /** Followed by "#" and the member's name for a member of an archive. */
  url: string;
  etag: string | null;
  bytes: number;
  sha256: string;
  /** Modification time of the local file, to detect changes. */
  modifiedMs: number;
  downloadedAt: string; // ISO 8601, UTC
}

/** State of a resource when it was read. */
export interface RecordedSource {
  etag: string | null;
  /** Size of the whole resource. */
  bytes: number;
  downloadedAt: string; // ISO 8601, UTC
}

const source = { etag: nullable(TEXT), bytes: COUNT, downloadedAt: TEXT };
const schema = objectOf<DownloadRecord>({
  schemaVersion: { const: 1 },
  files: mapOf(objectOf<RecordedFile>({ ...source, url: TEXT, sha256: SHA256, modifiedMs: AMOUNT })),
  parts: mapOf(objectOf<RecordedSource>(source)),
  hubFiles: mapOf({ type: 'array', items: TEXT }),
});

export const recordFile = jsonFile<DownloadRecord>(
  'downloads.json',
  { ...schema, required: ['schemaVersion', 'files'] },
  { remedy: 'delete it; the next download checks existing files and keeps the correct ones' },
);

/** Records a file that was just written. */
export async function recordDownload(
  folder: string,
  name: string,
  { url, etag, sha256 }: { url: string; etag: string | null; sha256: string },
): Promise<void> {
  const { size, mtimeMs } = await stat(join(folder, name));
  const file = { url, etag, sha256, bytes: size, modifiedMs: mtimeMs, downloadedAt: new Date().toISOString() };
  await change(folder, (record) => ({ ...record, files: { ...record.files, [name]: file } }));
}

/** Records a resource that was fetched in parts. */
export async function recordParts(
  folder: string,
  url: string,
  { etag, bytes }: { etag: string | null; bytes: number },
): Promise<void> {
  const part = { etag, bytes, downloadedAt: new Date().toISOString() };
  await change(folder, (record) => ({ ...record, parts: { ...record.parts, [url]: part } }));
}

/** Records that all files of a repository that match a pattern are there. */
export async function recordHubFiles(folder: string, pattern: string, paths: readonly string[]): Promise<void> {
  await change(folder, (record) => ({ ...record, hubFiles: { ...record.hubFiles, [pattern]: [...paths] } }));
}

/** The paths of `recordHubFiles`; null if there are none. */
export async function recordedHubFiles(folder: string, pattern: string): Promise<string[] | null> {
  return (await recordFile.read(folder))?.hubFiles?.[pattern] ?? null;
}

const changes = new Map<string, Promise<void>>();

/** Updates a folder's record; serialises the updates of parallel downloads. */
async function change(folder: string, to: (record: DownloadRecord) => DownloadRecord): Promise<void> {
  const before = changes.get(folder) ?? Promise.resolve();
  const now = before
    .catch(() => {})
    .then(async () => recordFile.write(folder, to((await recordFile.read(folder)) ?? { schemaVersion: 1, files: {} })));
  changes.set(folder, now);
  await now;
}

export type FileState = 'missing' | 'intact' | 'unverified' | 'changed';

/**
 * Compares a file with its record: `unverified` when it was not downloaded by this program or was modified since.
 * @param verify hash the content instead of trusting size and modification time
 */
export async function fileState(folder: string, name: string, verify = false): Promise<FileState> {
  const path = join(folder, name);
  const status = await stat(path).catch(() => null);
  if (status === null) return 'missing';
  const recorded = (await recordFile.read(folder))?.files[name];
  if (!recorded) return 'unverified';
  if (recorded.bytes !== status.size) return 'changed';
  if (verify) return (await sha256OfFile(path)) === recorded.sha256 ? 'intact' : 'changed';
  return recorded.modifiedMs === status.mtimeMs ? 'intact' : 'unverified';
}
