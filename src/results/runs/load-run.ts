import { join } from 'node:path';
import { UserError } from '../../shared/errors.js';
import { type LatencySummary, latencyFile, readBatchTimings, summarizeLatency } from './latency.js';
import { type Metrics, metricsFile } from './metrics.js';
import { RUN_FILES } from './run-folder.js';
import {
  activeSeconds,
  energyOf,
  peakMemoryBytes,
  prices,
  type RunRecord,
  runFile,
  workerSeconds,
} from './run-record.js';

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
  const metrics = await metricsFile.read(folder);
  if (metrics === null) {
    throw new UserError(
      `${folder} has no ${metricsFile.name}. Rerun the eval command of the run, which makes it from the answers.`,
    );
  }
  const { headline, scores } = metrics;
  if (headline !== null && !Object.hasOwn(scores, headline)) {
    throw new UserError(
      `${join(folder, metricsFile.name)} has no score "${headline}". Delete it and rerun the eval command of the run.`,
    );
  }
  const latency = (await latencyFile.read(folder)) ?? (await summarizeRun(folder, record));
  return { folder, record, metrics, latency };
}

/** Summarises the times of a run's batches, from run.json and batches.jsonl. @throws UserError if the latter is missing */
export async function summarizeRun(folder: string, record: RunRecord): Promise<LatencySummary> {
  const batches = await readBatchTimings(join(folder, RUN_FILES.batches));
  const seconds = activeSeconds(record);
  const energy = energyOf(record);
  const summary = summarizeLatency(batches, seconds, peakMemoryBytes(record), workerSeconds(record), prices(record));
  return energy ? { ...summary, energy } : summary;
}
