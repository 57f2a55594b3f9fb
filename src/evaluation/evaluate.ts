import { mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { LoadedBenchmark } from '../benchmarks/benchmark.js';
import { UserError } from '../errors.js';
import { sha256OfFile } from '../file-hash.js';
import { deviceName } from '../model/inference/device.js';
import { PREPROCESSING_VERSION, weightsHash } from '../model/model-folder.js';
import { buildPrompt, tokenizePrompt } from '../model/prompt.js';
import { latencyFile, openBatchTimings, summarizeLatency } from '../results/latency.js';
import { loadRun, type RunResult } from '../results/load-run.js';
import { metricsFile } from '../results/metrics.js';
import { readPredictions } from '../results/predictions.js';
import { questionScoresFile } from '../results/question-scores.js';
import { openRun, RUN_FILES, type Run } from '../results/run-folder.js';
import type { RunIdentity } from '../results/run-identity.js';
import { activeSeconds, peakMemoryBytes } from '../results/run-record.js';
import { isJudged, type JudgeChoice, judgeAnswers } from './judge-answers.js';
import type { ModelSession } from './model-session.js';
import { autoBatchSize, MAX_QUESTIONS_PER_ROW } from './plan-batches.js';
import { GENERATION, runBenchmark } from './run-benchmark.js';
import { metricsOf } from './score-answers.js';

export interface EvaluateOptions {
  benchmark: LoadedBenchmark;
  session: ModelSession;
  batchSize: number | 'auto';
  output: string;
  fresh: boolean;
  /** Folder of the benchmark's files, and the language model that grades free-form answers. */
  judging: { folder: string; judge: JudgeChoice } | null;
  argv: readonly string[];
  signal: AbortSignal;
  /** Progress and messages. */
  stream: NodeJS.WriteStream;
}

/** The judge's grades in a result folder; what is there is not asked for again. */
const JUDGE_GRADES = 'judge-grades.jsonl';

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
  const start = { argv, settings: { batchSize, threads: session.threads } };

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
    await scoreRun(options, run);
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

function needsJudge({ benchmark, judging }: EvaluateOptions): boolean {
  return judging !== null && isJudged(benchmark);
}

/** Scores what is in the predictions file and writes metrics, question scores, submission files and latency. */
async function scoreRun(options: EvaluateOptions, run: Run): Promise<void> {
  const { benchmark, judging, signal, stream } = options;
  const answers: (string | null)[] = benchmark.questions.map(() => null);
  for (const { index, text } of await readPredictions(join(run.folder, RUN_FILES.predictions))) answers[index] = text;
  const cachePath = join(run.folder, JUDGE_GRADES);
  const score = needsJudge(options)
    ? await judgeAnswers(benchmark, answers, judging!.judge, { folder: judging!.folder, cachePath, signal, stream })
    : benchmark.score(answers);
  const metrics = metricsOf(benchmark, answers, score);
  await metricsFile.write(run.folder, metrics);
  if (score?.perQuestion.every((value) => value !== null)) {
    const images = benchmark.questions.map(({ image }) => image);
    await questionScoresFile.write(run.folder, { schemaVersion: 1, scores: score.perQuestion, images });
  }
  for (const { name, content } of benchmark.submission(answers)) {
    await mkdir(dirname(join(run.folder, name)), { recursive: true });
    await writeFile(join(run.folder, name), content);
  }
  const timings = await openBatchTimings(join(run.folder, RUN_FILES.batches));
  await timings.close();
  const latency = summarizeLatency(timings.batches, activeSeconds(run.record), peakMemoryBytes(run.record));
  await latencyFile.write(run.folder, latency);
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
