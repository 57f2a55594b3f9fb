import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256OfFile } from '../shared/file-hash.js';
import { jsonFile } from '../shared/json-file.js';
import { AMOUNT, COUNT, mapOf, nullable, objectOf, SHA256, TEXT } from '../shared/json-schema.js';

/** downloads.json of a benchmark's folder: where each file came from and what it was then. */
export interface DownloadLock {
  schemaVersion: 1;
  /** By name in the folder. */
  files: Record<string, LockedFile>;
  /** By URL: archives and parquet files of which only parts were fetched. */
  parts?: Record<string, LockedSource>;
}

export interface LockedFile {
  /** With "#" and the member's name for a member of an archive. */
  url: string;
  etag: string | null;
  bytes: number;
  sha256: string;
  /** Of the file on the disk; another time means that somebody touched it. */
  modifiedMs: number;
  downloadedAt: string; // ISO 8601, UTC
}

/** What a resource was when it was read. */
export interface LockedSource {
  etag: string | null;
  /** Of the whole. */
  bytes: number;
  downloadedAt: string; // ISO 8601, UTC
}

const source = { etag: nullable(TEXT), bytes: COUNT, downloadedAt: TEXT };
const schema = objectOf<DownloadLock>({
  schemaVersion: { const: 1 },
  files: mapOf(objectOf<LockedFile>({ ...source, url: TEXT, sha256: SHA256, modifiedMs: AMOUNT })),
  parts: mapOf(objectOf<LockedSource>(source)),
});

export const lockFile = jsonFile<DownloadLock>(
  'downloads.json',
  { ...schema, required: ['schemaVersion', 'files'] },
  { remedy: 'delete it; the next download checks the files that are there and keeps what is right' },
);

/** Records a file that was just written. */
export async function recordDownload(
  folder: string,
  name: string,
  { url, etag, sha256 }: { url: string; etag: string | null; sha256: string },
): Promise<void> {
  const { size, mtimeMs } = await stat(join(folder, name));
  const file = { url, etag, sha256, bytes: size, modifiedMs: mtimeMs, downloadedAt: new Date().toISOString() };
  await change(folder, (lock) => ({ ...lock, files: { ...lock.files, [name]: file } }));
}

/** Records a resource of which parts were fetched. */
export async function recordParts(
  folder: string,
  url: string,
  { etag, bytes }: { etag: string | null; bytes: number },
): Promise<void> {
  const part = { etag, bytes, downloadedAt: new Date().toISOString() };
  await change(folder, (lock) => ({ ...lock, parts: { ...lock.parts, [url]: part } }));
}

const changes = new Map<string, Promise<void>>();

/** Changes to one folder's lock, which come from downloads side by side, one after the other. */
async function change(folder: string, to: (lock: DownloadLock) => DownloadLock): Promise<void> {
  const before = changes.get(folder) ?? Promise.resolve();
  const now = before
    .catch(() => {})
    .then(async () => lockFile.write(folder, to((await lockFile.read(folder)) ?? { schemaVersion: 1, files: {} })));
  changes.set(folder, now);
  await now;
}

export type FileState = 'missing' | 'intact' | 'unverified' | 'changed';

/**
 * What a file is beside its record: `unverified` when it was not downloaded by this program or was touched since.
 * @param verify hash the content instead of trusting size and time
 */
export async function fileState(folder: string, name: string, verify = false): Promise<FileState> {
  const path = join(folder, name);
  const status = await stat(path).catch(() => null);
  if (status === null) return 'missing';
  const locked = (await lockFile.read(folder))?.files[name];
  if (!locked) return 'unverified';
  if (locked.bytes !== status.size) return 'changed';
  if (verify) return (await sha256OfFile(path)) === locked.sha256 ? 'intact' : 'changed';
  return locked.modifiedMs === status.mtimeMs ? 'intact' : 'unverified';
}
