import { basename, join } from 'node:path';
import type { LoadedBenchmark } from '../benchmarks/benchmark.js';
import { PREPROCESSING_VERSION, weightsHash } from '../model/model-folder.js';
import { readImageHashes } from '../results/runs/image-hashes.js';
import { loadRun, type RunResult } from '../results/runs/load-run.js';
import { readPredictions } from '../results/runs/predictions.js';
import { readQuestionScores } from '../results/runs/question-scores.js';
import { openRun, RUN_FILES } from '../results/runs/run-folder.js';
import type { RunIdentity, Shard } from '../results/runs/run-identity.js';
import { TRAINED_RESOLUTION } from '../results/runs/run-record.js';
import { UserError } from '../shared/errors.js';
import { sha256OfFile } from '../shared/file-hash.js';
import { logEvent, say } from '../shared/log.js';
import type { ProgressState } from '../terminal/answer-progress.js';
import { batchLimits, rememberLimit } from './batch-limits.js';
import { checkImages, type ImageCheck, type ImageSurvey, staleAnswers, surveyImages } from './check-images.js';
import type { Heartbeat } from './heartbeat.js';
import { GENERATION } from './make-prediction.js';
import type { ModelSession } from './model-session.js';
import { runBenchmark } from './run-benchmark.js';
import { needsJudge, type ScoreRunOptions, scoreRun, writeLatency } from './score-run.js';
import { selectShard } from './select-shard.js';

export interface EvaluateOptions extends ScoreRunOptions {
  session: ModelSession;
  /** Null to answer all questions. */
  shard: Shard | null;
  batchSize: number | 'auto';
  /** Stop at the first question that fails. */
  failFast: boolean;
  output: string;
  fresh: boolean;
  /** Folder of the benchmark's files, recorded so that reports find the images. */
  data: string;
  argv: readonly string[];
  heartbeat: Heartbeat;
}

export type Evaluation =
  | { state: 'complete'; result: RunResult /** Whether nothing was left to do. */; wasComplete: boolean }
  | { state: 'shard-complete'; result: ShardResult; wasComplete: boolean }
  | { state: 'interrupted'; folder: string; answered: number; questions: number };

/** A finished shard. Only whole runs have scores. */
export interface ShardResult {
  folder: string;
  benchmark: string;
  split: string;
  shard: Shard;
  /** Questions in the shard. */
  questions: number;
  failed: number;
}

/**
 * Starts or resumes the run of a model on a benchmark, or a shard of it: answers, scores, latency. A complete run is only
 * read, unless questions failed; those are asked again.
 */
export async function evaluate(options: EvaluateOptions): Promise<Evaluation> {
  const { session, shard, output, fresh, argv, signal, stream, heartbeat } = options;
  const identity = await identityOf(options.benchmark, session);
  if (shard) identity.shard = shard;
  const benchmark = shard ? shardOf(options.benchmark, shard, session) : options.benchmark;
  const { batchSize, failFast } = options;
  const { threads, devices } = session;
  const reproducible = devices[0]!.provider === 'cpu'; // identical answers at any batch size
  const settings = {
    batchSize,
    threads,
    workers: devices.length,
    reproducible,
    data: options.data,
    questions: benchmark.questions.length,
    [TRAINED_RESOLUTION]: session.model.manifest.architecture.inputImageSize,
  };
  const survey = await surveyImages(options.benchmark.questions, options.benchmark.images);
  warnMissingImages(survey);
  const images = checkImages(survey, options.benchmark.images);
  const start = { argv, settings, images: survey.digest };

  const lock = { onWait: (message: string) => say('info', message) };
  let opened = await openRun(output, identity, start, { fresh, lock });
  if (opened.state === 'complete' && !(await isDone(options, benchmark, images, opened.folder))) {
    opened = await openRun(output, identity, start, { reopen: true, lock });
  }
  if (opened.state === 'complete') return finished(options, opened.folder, true);
  const { run } = opened;
  if (opened.resumed) say('info', `Resuming ${run.folder}`);
  logEvent('info', 'run', { folder: run.folder, resumed: opened.resumed, questions: benchmark.questions.length });

  let closed = false;
  try {
    const { model, tokenizer, inference } = session;
    const sources = { model, tokenizer, imageThreads: session.imageThreads() };
    const limits = await batchLimits(session, batchSize, benchmark.maxNewTokens);
    const { rows, tokens, bytes } = limits;
    logEvent('info', 'batch-size', { asked: batchSize, rows, tokens, bytes });
    const onProgress = ({ answered, failed }: ProgressState): void =>
      heartbeat.update({ answered, failed, lastBatchAt: new Date().toISOString() });
    heartbeat.update({ state: 'running', questions: benchmark.questions.length });
    const shared = { benchmark, sources, images, inference, run, limits, failFast, signal, stream, onProgress };
    const asked = { ...shared, workers: devices.length };
    const outcome = await runBenchmark(asked);
    logEvent('info', 'answered', { ...outcome, folder: run.folder });
    if (outcome.shrunkTo !== null) await rememberLimit(session, outcome.shrunkTo);
    if (!outcome.finished) {
      const { answered } = outcome;
      return { state: 'interrupted', folder: run.folder, answered, questions: benchmark.questions.length };
    }
    await run.stopClock();
    if (shard) await writeLatency(run);
    else await scoreRun(options, run);
    await run.close('complete');
    closed = true;
    return await finished(options, run.folder, false);
  } finally {
    if (!closed) await run.close('interrupted');
  }
}

/** The benchmark with only one shard's questions. Questions keep their index; a shard has no score, not even a running one. */
function shardOf(benchmark: LoadedBenchmark, shard: Shard, { model }: ModelSession): LoadedBenchmark {
  const questions = selectShard(benchmark.questions, shard, model.vision.visualTokens);
  return { ...benchmark, questions, scoreOne: () => null };
}

/** Reads the result of a complete run folder. */
async function finished(
  { benchmark, shard }: EvaluateOptions,
  folder: string,
  wasComplete: boolean,
): Promise<Evaluation> {
  if (!shard) return { state: 'complete', result: await loadRun(folder), wasComplete };
  const predictions = await readPredictions(join(folder, RUN_FILES.predictions));
  const failed = predictions.filter(({ text }) => text === null).length;
  const { name, split } = benchmark;
  const result = { folder, benchmark: name, split, shard, questions: predictions.length, failed };
  return { state: 'shard-complete', result, wasComplete };
}

/** Whether nothing is left to ask and to score in a complete folder. */
async function isDone(
  options: EvaluateOptions,
  benchmark: LoadedBenchmark,
  images: ImageCheck,
  folder: string,
): Promise<boolean> {
  if (options.shard === null && !(await isScored(options, folder))) return false;
  const answerIds = await answerIdsIn(folder);
  if (answerIds?.size !== benchmark.questions.length) return false;
  for (const [name, line] of await readImageHashes(join(folder, RUN_FILES.images))) images.noted.set(name, line);
  const { model } = options.session;
  return (await staleAnswers({ benchmark, model }, answerIds, images)).size === 0;
}

async function isScored(options: EvaluateOptions, folder: string): Promise<boolean> {
  const { metrics } = await loadRun(folder);
  return metrics.headline === null ? !needsJudge(options) : hasQuestionScores(folder);
}

/** Whether question scores exist in this version's format. If not, they are recomputed from the answers. */
async function hasQuestionScores(folder: string): Promise<boolean> {
  try {
    return (await readQuestionScores(folder)) !== null;
  } catch (error) {
    if (error instanceof UserError) return false;
    throw error;
  }
}

/** `answer_id` of the rows that have an answer; null when lines were damaged since. */
async function answerIdsIn(folder: string): Promise<Map<number, string> | null> {
  try {
    const predictions = await readPredictions(join(folder, RUN_FILES.predictions));
    const answered = predictions.filter(({ text }) => text !== null);
    return new Map(answered.map(({ index, answer_id }) => [index, answer_id]));
  } catch (error) {
    if (error instanceof UserError) return null; // opening it for work says what is wrong
    throw error;
  }
}

function warnMissingImages({ stamps, missing }: ImageSurvey): void {
  if (missing.length === 0) return;
  const all = missing.length + stamps.size;
  say('warn', `${missing.length} of ${all} images are missing, such as ${missing[0]}: their questions will fail.`);
}

async function identityOf(benchmark: LoadedBenchmark, { model, devices }: ModelSession): Promise<RunIdentity> {
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
    device: devices[0]!.provider,
    maxNewTokens: benchmark.maxNewTokens,
    preprocessingVersion: PREPROCESSING_VERSION,
    generation: { ...GENERATION },
  };
}
