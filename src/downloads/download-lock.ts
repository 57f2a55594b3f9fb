import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256OfFile } from '../file-hash.js';
import { AMOUNT, COUNT, mapOf, nullable, objectOf, SHA256, TEXT } from '../json-schema.js';
import { jsonFile } from '../results/write-json.js';

/** downloads.json of a benchmark's folder: where each file came from and what it was then. */
export interface DownloadLock {
  schemaVersion: 1;
  /** By name in the folder. */
  files: Record<string, LockedFile>;
}

export interface LockedFile {
  url: string;
  etag: string | null;
  bytes: number;
  sha256: string;
  /** Of the file on the disk; another time means that somebody touched it. */
  modifiedMs: number;
  downloadedAt: string; // ISO 8601, UTC
}

export const lockFile = jsonFile<DownloadLock>(
  'downloads.json',
  objectOf<DownloadLock>({
    schemaVersion: { const: 1 },
    files: mapOf(
      objectOf<LockedFile>({
        url: TEXT,
        etag: nullable(TEXT),
        bytes: COUNT,
        sha256: SHA256,
        modifiedMs: AMOUNT,
        downloadedAt: TEXT,
      }),
    ),
  }),
);

/** Records a file that was just written. */
export async function recordDownload(
  folder: string,
  name: string,
  { url, etag, sha256 }: { url: string; etag: string | null; sha256: string },
): Promise<void> {
  const path = join(folder, name);
  const { size, mtimeMs } = await stat(path);
  const files = (await lockFile.read(folder))?.files ?? {};
  files[name] = {
    ...{ url, etag, bytes: size, modifiedMs: mtimeMs },
    sha256,
    downloadedAt: new Date().toISOString(),
  };
  await lockFile.write(folder, { schemaVersion: 1, files });
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
