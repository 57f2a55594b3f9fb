import { join } from 'node:path';
import { UserError } from '../../shared/errors.js';
import { type LatencySummary, latencyFile } from './latency.js';
import { type Metrics, metricsFile } from './metrics.js';
import { type RunRecord, runFile } from './run-record.js';

/** A finished run as its result folder tells it. */
export interface RunResult {
  folder: string;
  record: RunRecord;
  metrics: Metrics;
  latency: LatencySummary;
}

/** @throws UserError when the folder is no result folder, the run is not finished, or a file is missing */
export async function loadRun(folder: string): Promise<RunResult> {
  const record = await runFile.read(folder);
  if (record === null) {
    throw new UserError(
      `${folder} is not a result folder: it has no ${runFile.name}. Name a folder that llavahr eval made.`,
    );
  }
  if (record.state !== 'complete') {
    throw new UserError(`${folder} is not finished. Run the command that made it once more to continue it.`);
  }
  const { shard } = record.identity;
  if (shard) {
    throw new UserError(
      `${folder} is shard ${shard.index}/${shard.count} of a run and has no scores. llavahr merge puts the shards together.`,
    );
  }
  const [metrics, latency] = await Promise.all([metricsFile.read(folder), latencyFile.read(folder)]);
  if (metrics === null || latency === null) {
    const missing = metrics === null ? metricsFile.name : latencyFile.name;
    throw new UserError(`${folder} has no ${missing}, although its run is complete. Make the run again with --fresh.`);
  }
  const { headline, scores } = metrics;
  if (headline !== null && !Object.hasOwn(scores, headline)) {
    throw new UserError(
      `${join(folder, metricsFile.name)} has no score "${headline}". Make the run again with --fresh.`,
    );
  }
  return { folder, record, metrics, latency };
}
