import { join } from 'node:path';
import type { LoadedBenchmark } from '../benchmarks/benchmark.js';
import { openBatchTimings, readBatchTimings } from '../results/runs/latency.js';
import { loadRun, type RunResult } from '../results/runs/load-run.js';
import { openPredictions, type Prediction, readPredictions } from '../results/runs/predictions.js';
import type { ShardRun } from '../results/runs/read-shards.js';
import { openRun, RUN_FILES, type Run } from '../results/runs/run-folder.js';
import type { RunIdentity } from '../results/runs/run-identity.js';
import { UserError } from '../shared/errors.js';
import { scoreRun } from './score-run.js';

export interface MergeOptions {
  shards: readonly ShardRun[];
  /** Of the run that the shards are parts of. */
  identity: RunIdentity;
  /** What the run asks, whole; its images are not needed. */
  benchmark: LoadedBenchmark;
  output: string;
  fresh: boolean;
  argv: readonly string[];
  stream: NodeJS.WriteStream;
}

/**
 * Puts the answers of all shards into one result folder, the one that the run would have had without shards, and scores
 * it. Times are those of the shards: sums over all of them, as if one process had done the work.
 * @returns `wasComplete` when the folder was there already, with every answer
 * @throws UserError when a question has no answer, or several
 */
export async function mergeShards(options: MergeOptions): Promise<{ result: RunResult; wasComplete: boolean }> {
  const { shards, identity, benchmark, output, fresh, argv, stream } = options;
  const predictions = await readAll(shards, benchmark);

  const start = { argv, settings: {} };
  let opened = await openRun(output, identity, start, { fresh });
  if (opened.state === 'complete') {
    const result = await loadRun(opened.folder);
    if (result.metrics.failed === 0) return { result, wasComplete: true };
  } else if (opened.resumed) {
    await opened.run.close('interrupted');
  }
  if (opened.state === 'complete' || opened.resumed) {
    stream.write(`${opened.folder} held a run with open questions; it was put aside.\n`);
    opened = await openRun(output, identity, start, { fresh: true });
    if (opened.state === 'complete') throw new Error('a new run is not complete');
  }
  const { run } = opened;
  let closed = false;
  try {
    await write(run, shards, predictions);
    run.adoptSessions(shards.flatMap(({ record }) => record.sessions));
    const { signal } = new AbortController(); // only a judge would take long enough to be stopped
    await scoreRun({ benchmark, judging: null, signal, stream }, run.folder, run.record);
    await run.close('complete');
    closed = true;
  } finally {
    if (!closed) await run.close('interrupted');
  }
  return { result: await loadRun(run.folder), wasComplete: false };
}

/** The answers of all shards. @throws UserError unless every question was asked by exactly one of them */
async function readAll(shards: readonly ShardRun[], { questions }: LoadedBenchmark): Promise<Prediction[]> {
  const owners = new Map<number, ShardRun>();
  const problems: string[] = [];
  const predictions: Prediction[] = [];
  for (const shard of shards) {
    for (const prediction of await readPredictions(join(shard.folder, RUN_FILES.predictions))) {
      const owner = owners.get(prediction.index);
      if (prediction.index >= questions.length)
        problems.push(`${shard.folder} answers question ${prediction.index}, which there is not`);
      else if (owner)
        problems.push(`question ${prediction.index} is answered in ${owner.folder} and in ${shard.folder}`);
      owners.set(prediction.index, shard);
      predictions.push(prediction);
    }
  }
  const missing = questions.map(({ index }) => index).filter((index) => !owners.has(index));
  if (missing.length > 0) problems.push(`no shard was asked question ${shown(missing.map(String), ', ')}`);
  if (problems.length === 0) return predictions;
  throw new UserError(
    `The shards do not make a run:\n  ${shown(problems, '\n  ')}\nA shard's eval command asks what is missing in it.`,
  );
}

const SHOWN = 10;

function shown(texts: readonly string[], separator: string): string {
  const more = texts.length > SHOWN ? [`and ${texts.length - SHOWN} more`] : [];
  return [...texts.slice(0, SHOWN), ...more].join(separator);
}

async function write(run: Run, shards: readonly ShardRun[], predictions: readonly Prediction[]): Promise<void> {
  const file = await openPredictions(join(run.folder, RUN_FILES.predictions));
  try {
    await file.append(predictions);
    await file.finish();
  } finally {
    await file.close();
  }
  const timings = await openBatchTimings(join(run.folder, RUN_FILES.batches));
  try {
    for (const { folder } of shards) {
      await timings.append(...(await readBatchTimings(join(folder, RUN_FILES.batches))));
    }
  } finally {
    await timings.close();
  }
}
