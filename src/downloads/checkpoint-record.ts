import { mkdir } from 'node:fs/promises';
import type { SchemaObject } from 'ajv';
import type { CheckpointFile } from '../fetch/hub-checkpoint.js';
import { cacheFolder } from '../shared/cache-folder.js';
import { jsonFile } from '../shared/json-file.js';
import { COUNT, mapOf, objectOf, TEXT } from '../shared/json-schema.js';

/** checkpoints.json in the cache: the commit of each repository that is used until the user asks for a newer one. */
interface CheckpointLock {
  schemaVersion: 1;
  /** By repository. */
  checkpoints: Record<string, LockedCheckpoint>;
}

export interface LockedCheckpoint {
  commit: string;
  /** By name: all that the checkpoint is read from. */
  files: Record<string, CheckpointFile>;
  downloadedAt: string; // ISO 8601, UTC
}

const HASH: SchemaObject = { type: 'string', pattern: '^[0-9a-f]{40,64}$' };

const lockFile = jsonFile<CheckpointLock>(
  'checkpoints.json',
  objectOf<CheckpointLock>({
    schemaVersion: { const: 1 },
    checkpoints: mapOf(
      objectOf<LockedCheckpoint>({
        commit: HASH, // a folder's name
        files: mapOf(objectOf<CheckpointFile>({ bytes: COUNT, hash: HASH })),
        downloadedAt: TEXT,
      }),
    ),
  }),
  { remedy: 'delete it; the next download takes the newest commits' },
);

/** By repository. */
export async function lockedCheckpoints(): Promise<Readonly<Record<string, LockedCheckpoint>>> {
  return (await lockFile.read(cacheFolder()))?.checkpoints ?? {};
}

export async function lockCheckpoint(
  repo: string,
  { commit, files }: Pick<LockedCheckpoint, 'commit' | 'files'>,
): Promise<void> {
  await mkdir(cacheFolder(), { recursive: true });
  const locked: LockedCheckpoint = { commit, files, downloadedAt: new Date().toISOString() };
  const checkpoints = { ...(await lockedCheckpoints()), [repo]: locked };
  await lockFile.write(cacheFolder(), { schemaVersion: 1, checkpoints });
}
