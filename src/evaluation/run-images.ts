import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Protocol } from '../benchmarks/benchmark.js';
import { EVALUABLE, findBenchmark } from '../benchmarks/registry.js';
import type { ImageSource } from '../datasets/image-source.js';
import type { RunRecord, Session } from '../results/runs/run-record.js';
import { UserError } from '../shared/errors.js';

/**
 * The images of a run's questions, by the names that its files have them under.
 * @param data the folder with the benchmark's files, or a folder with one of the benchmark's name; where they were when
 *   the run was made by default
 * @throws UserError when they are not there
 */
export async function openRunImages({ identity, sessions }: RunRecord, data?: string): Promise<ImageSource> {
  const { benchmark, split } = identity;
  const folder = data === undefined ? recordedFolder(sessions) : ownFolder(data, benchmark);
  if (folder === undefined)
    throw new UserError("it is not recorded where the benchmark's files are; name the folder with --data.");
  const definition = findBenchmark(benchmark, EVALUABLE);
  if (definition.openImages) return definition.openImages(folder);
  const protocol = identity.protocol['protocol'] as Protocol;
  const limit = (identity.protocol['limit'] ?? undefined) as number | undefined;
  return (await definition.load(folder, { split, protocol, limit })).images;
}

/** Of the last session that had one: merging shards needs no images. */
function recordedFolder(sessions: readonly Session[]): string | undefined {
  return sessions.map(({ settings }) => settings['data']).findLast((data) => typeof data === 'string');
}

function ownFolder(data: string, benchmark: string): string {
  const own = join(data, benchmark);
  return existsSync(own) ? own : data;
}
