import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { loadAsked, recordedOptions } from '../benchmarks/question-selection.js';
import type { ImageSource } from '../datasets/image-source.js';
import type { RunRecord, Session } from '../results/runs/run-record.js';
import { UserError } from '../shared/errors.js';
import { definitionOfRun } from './run-definition.js';

/**
 * Opens the images of a run's questions, by their names in the run's files.
 * @param data folder with the benchmark's files, or with a subfolder named after the benchmark (default: where the files
 *   were during the run)
 * @throws UserError if they are not found
 */
export async function openRunImages(record: RunRecord, data?: string): Promise<ImageSource> {
  const { identity, sessions } = record;
  const { benchmark, split } = identity;
  const folder = data === undefined ? recordedFolder(sessions) : ownFolder(data, benchmark);
  if (folder === undefined)
    throw new UserError("the run does not record where the benchmark's files are. Give the folder with --data.");
  const definition = definitionOfRun(record);
  if (definition.openImages) return definition.openImages(folder, split);
  return (await loadAsked(definition, folder, { split, ...recordedOptions(identity.protocol) })).images;
}

/** Data folder of the last session that has one; merging shards needs no images and records none. */
function recordedFolder(sessions: readonly Session[]): string | undefined {
  return sessions.map(({ settings }) => settings['data']).findLast((data) => typeof data === 'string');
}

function ownFolder(data: string, benchmark: string): string {
  const own = join(data, benchmark);
  return existsSync(own) ? own : data;
}
