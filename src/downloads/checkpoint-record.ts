import type { SchemaObject } from 'ajv';
import type { CheckpointFile } from '../fetch/hub-checkpoint.js';
import { cacheFolder } from '../shared/cache-folder.js';
import { jsonFile } from '../shared/json-file.js';
import { COUNT, mapOf, objectOf, TEXT } from '../shared/json-schema.js';
import { makeFolder } from '../shared/make-folder.js';

/**
 * checkpoints.json in the cache: the downloaded commit of each repository, used until the user asks for a newer one.
 */
interface CheckpointRecords {
  schemaVersion: 1;
  /** By repository. */
  checkpoints: Record<string, CheckpointRecord>;
}

export interface CheckpointRecord {
  commit: string;
  /** Files of the checkpoint, by name. */
  files: Record<string, CheckpointFile>;
  downloadedAt: string; // ISO 8601, UTC
}

const HASH: SchemaObject = { type: 'string', pattern: '^[0-9a-f]{40,64}$' };

const recordFile = jsonFile<CheckpointRecords>(
  'checkpoints.json',
  objectOf<CheckpointRecords>({
    schemaVersion: { const: 1 },
    checkpoints: mapOf(
      objectOf<CheckpointRecord>({
        commit: HASH, // used as a folder name
        files: mapOf(objectOf<CheckpointFile>({ bytes: COUNT, hash: HASH })),
        downloadedAt: TEXT,
      }),
    ),
  }),
  { remedy: 'delete it; the next download uses the newest commits' },
);

/** The downloaded checkpoints, by repository. */
export async function recordedCheckpoints(): Promise<Readonly<Record<string, CheckpointRecord>>> {
  return (await recordFile.read(cacheFolder()))?.checkpoints ?? {};
}

/** Adds a checkpoint to the record, or replaces it. Calls must not overlap: the file is read, changed and rewritten. */
export async function recordCheckpoint(
  repo: string,
  { commit, files }: Pick<CheckpointRecord, 'commit' | 'files'>,
): Promise<void> {
  await makeFolder(cacheFolder());
  const record: CheckpointRecord = { commit, files, downloadedAt: new Date().toISOString() };
  const checkpoints = { ...(await recordedCheckpoints()), [repo]: record };
  await recordFile.write(cacheFolder(), { schemaVersion: 1, checkpoints });
}
