import { basename, join } from 'node:path';
import type { LoadedBenchmark } from '../benchmarks/benchmark.js';
import { UserError } from '../errors.js';
import { sha256OfFile } from '../file-hash.js';
import { deviceName } from '../model/inference/device.js';
import { PREPROCESSING_VERSION, weightsHash } from '../model/model-folder.js';
import { buildPrompt, tokenizePrompt } from '../model/prompt.js';
import { loadRun, type RunResult } from '../results/load-run.js';
import { readPredictions } from '../results/predictions.js';
import { openRun, RUN_FILES } from '../results/run-folder.js';
import type { RunIdentity } from '../results/run-identity.js';
import type { ModelSession } from './model-session.js';
import { autoBatchSize, MAX_QUESTIONS_PER_ROW } from './plan-batches.js';
import { GENERATION, runBenchmark } from './run-benchmark.js';
import { needsJudge, type ScoreRunOptions, scoreRun } from './score-run.js';

export interface EvaluateOptions extends ScoreRunOptions {
  session: ModelSession;
  batchSize: number | 'auto';
  output: string;
  fresh: boolean;
  /** Where the benchmark's files are, for the record: a report finds the images there. */
  data: string;
  argv: readonly string[];
}

export type Evaluation =
  | { state: 'complete'; result: RunResult /** Nothing was left to do. */; wasComplete: boolean }
  | { state: 'interrupted'; folder: string; answered: number };

/**
 * Makes or continues the run of a benchmark with a model: answers, scores, latency. A complete run is only read, unless
 * questions failed in it; those are asked again.
 */
export async function evaluate(options: EvaluateOptions): Promise<Evaluation> {
  const { benchmark, session, output, fresh, argv, signal, stream } = options;
  const identity = await identityOf(benchmark, session);
  const batchSize = options.batchSize === 'auto' ? chooseBatchSize(benchmark, session) : options.batchSize;
  const start = { argv, settings: { batchSize, threads: session.threads, data: options.data } };

  let opened = await openRun(output, identity, start, { fresh });
  if (opened.state === 'complete') {
    const result = await loadRun(opened.folder);
    const isScored = result.metrics.headline !== null || !needsJudge(options);
    if (isScored && (await hasEveryAnswer(benchmark, opened.folder)))
      return { state: 'complete', result, wasComplete: true };
    opened = await openRun(output, identity, start, { reopen: true });
    if (opened.state === 'complete') return { state: 'complete', result, wasComplete: true };
  }
  const { run } = opened;
  if (opened.resumed) stream.write(`Continuing ${run.folder}\n`);

  let closed = false;
  try {
    const { model, tokenizer } = session;
    const sources = { model, tokenizer };
    const { inference } = session;
    const outcome = await runBenchmark({ benchmark, sources, inference, run, batchSize, signal, stream });
    if (!outcome.finished) return { state: 'interrupted', folder: run.folder, answered: outcome.answered };
    await run.stopClock();
    await scoreRun(options, run.folder, run.record);
    await run.close('complete');
    closed = true;
    return { state: 'complete', result: await loadRun(run.folder), wasComplete: false };
  } finally {
    if (!closed) await run.close('interrupted');
  }
}

/** Whether nothing is left to ask. Lines of the predictions file that were damaged since count as not there. */
async function hasEveryAnswer({ questions }: LoadedBenchmark, folder: string): Promise<boolean> {
  try {
    const predictions = await readPredictions(join(folder, RUN_FILES.predictions));
    return predictions.filter(({ text }) => text !== null).length === questions.length;
  } catch (error) {
    if (error instanceof UserError) return false; // opening it for work says what is wrong
    throw error;
  }
}

async function identityOf(benchmark: LoadedBenchmark, { model, device }: ModelSession): Promise<RunIdentity> {
  const { manifest, vision } = model;
  const dataFiles: Record<string, string> = {};
  for (const path of benchmark.files) {
    dataFiles[basename(path)] = await sha256OfFile(path);
  }
  return {
    benchmark: benchmark.name,
    split: benchmark.split,
    protocol: benchmark.protocol,
    dataFiles,
    model: {
      name: manifest.name,
      family: manifest.architecture.family,
      resolution: vision.resolution,
      precision: manifest.precision,
      weightsHash: weightsHash(manifest),
      graphVersion: manifest.graphVersion,
    },
    device: deviceName(device),
    maxNewTokens: benchmark.maxNewTokens,
    preprocessingVersion: PREPROCESSING_VERSION,
    generation: { ...GENERATION },
  };
}

/** Rows per batch for `--batch-size auto`, from the tokens of a typical row. */
function chooseBatchSize({ questions }: LoadedBenchmark, { model, tokenizer, device }: ModelSession): number {
  const images = new Set(questions.map(({ image }) => image)).size;
  const perImage = Math.min(MAX_QUESTIONS_PER_ROW, questions.length / Math.max(1, images));
  const first = questions.slice(0, 20);
  const tokens = first.reduce((sum, { text }) => sum + tokenizePrompt(tokenizer, buildPrompt(text)).length, 0);
  return autoBatchSize(device.provider, model.vision.visualTokens + (tokens / Math.max(1, first.length)) * perImage);
}
