import { join } from 'node:path';
import { UserError } from '../../shared/errors.js';
import { type LatencySummary, latencyFile } from './latency.js';
import { type Metrics, metricsFile } from './metrics.js';
import { type RunRecord, runFile } from './run-record.js';

/** A finished run, read from its run folder. */
export interface RunResult {
  folder: string;
  record: RunRecord;
  metrics: Metrics;
  latency: LatencySummary;
}

/** @throws UserError if the folder is not a run folder, the run is not finished, or a file is missing */
export async function loadRun(folder: string): Promise<RunResult> {
  const record = await runFile.read(folder);
  if (record === null) {
    throw new UserError(
      `${folder} is not a run folder: it has no ${runFile.name}. Give a folder created by \`llavahr eval\`.`,
    );
  }
  if (record.state !== 'complete') {
    throw new UserError(`The run in ${folder} is not finished. Rerun its eval command to resume it.`);
  }
  const { shard } = record.identity;
  if (shard) {
    throw new UserError(
      `${folder} is shard ${shard.index}/${shard.count} of a run and has no scores. Combine all shards with \`llavahr merge\`.`,
    );
  }
  const [metrics, latency] = await Promise.all([metricsFile.read(folder), latencyFile.read(folder)]);
  if (metrics === null || latency === null) {
    const missing = metrics === null ? metricsFile.name : latencyFile.name;
    throw new UserError(`${folder} has no ${missing}, although the run is complete. Rerun it with --fresh.`);
  }
  const { headline, scores } = metrics;
  if (headline !== null && !Object.hasOwn(scores, headline)) {
    throw new UserError(
      `${join(folder, metricsFile.name)} has no score "${headline}". Rerun the evaluation with --fresh.`,
    );
  }
  return { folder, record, metrics, latency };
}
