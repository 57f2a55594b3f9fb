import { join } from 'node:path';
import type { LoadedBenchmark } from '../benchmarks/benchmark.js';
import { countFailures, type FailureCount } from '../results/runs/failure-counts.js';
import { differentSoftware } from '../results/runs/host.js';
import { readImageHashes } from '../results/runs/image-hashes.js';
import { latencyFile } from '../results/runs/latency.js';
import { loadRun, type RunResult } from '../results/runs/load-run.js';
import { metricsFile } from '../results/runs/metrics.js';
import { readPredictions } from '../results/runs/predictions.js';
import { readQuestionScores } from '../results/runs/question-scores.js';
import { openRun, RUN_FILES } from '../results/runs/run-folder.js';
import type { RunIdentity, Shard } from '../results/runs/run-identity.js';
import type { RunRecord } from '../results/runs/run-record.js';
import { UserError } from '../shared/errors.js';
import { logEvent, say } from '../shared/log.js';
import type { ProgressState } from '../terminal/answer-progress.js';
import type { Answerer } from './answerer.js';
import { checkImages, type ImageCheck, type ImageSurvey, staleAnswers, surveyImages } from './check-images.js';
import { hashDataFiles } from './data-files.js';
import type { Heartbeat } from './heartbeat.js';
import { isGradedBy } from './judge-answers.js';
import { runBenchmark } from './run-benchmark.js';
import { TASK_FILE } from './run-definition.js';
import { needsJudge, type ScoreRunOptions, scoreRun, writeLatency } from './score-run.js';
import { selectShard } from './select-shard.js';

export interface EvaluateOptions extends ScoreRunOptions {
  answerer: Answerer;
  /** Null to answer all questions. */
  shard: Shard | null;
  /** Stop at the first question that fails. */
  failFast: boolean;
  output: string;
  fresh: boolean;
  /** Folder of the benchmark's files, recorded so that reports find the images. */
  data: string;
  /** Path of the benchmark's task file, recorded for the same reason. */
  taskFile?: string | undefined;
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
  failures: FailureCount[];
}

/**
 * Starts or resumes the run of an answerer on a benchmark, or a shard of it: answers, scores, latency. A complete run is only
 * read, unless questions failed; those are asked again.
 */
export async function evaluate(options: EvaluateOptions): Promise<Evaluation> {
  const { answerer, shard, output, fresh, failFast, argv, signal, stream, heartbeat } = options;
  const identity = await identityOf(options.benchmark, answerer);
  if (shard) identity.shard = shard;
  const benchmark = shard ? shardOf(options.benchmark, shard, answerer) : options.benchmark;
  const settings = {
    ...answerer.settings,
    data: options.data,
    ...(options.taskFile === undefined ? {} : { [TASK_FILE]: options.taskFile }),
    questions: benchmark.questions.length,
  };
  const survey = await surveyImages(options.benchmark.questions, options.benchmark.images);
  warnMissingImages(survey);
  const images = checkImages(survey, options.benchmark.images);
  const start = { argv, settings, images: survey.digest };

  const lock = { onWait: (message: string) => say('info', message) };
  let opened = await openRun(output, identity, start, { fresh, lock });
  const isAsNoted = ({ sessions }: RunRecord): boolean => (sessions.at(-1)?.images ?? null) === survey.digest;
  const isDoneIn = async ({ folder, record }: { folder: string; record: RunRecord }): Promise<boolean> =>
    // Merging compares what shards noted of all images, those of other shards' questions too.
    (shard === null || isAsNoted(record)) && isDone(options, benchmark, images, folder);
  if (opened.state === 'complete' && !(await isDoneIn(opened))) {
    opened = await openRun(output, identity, start, { reopen: true, lock });
  }
  if (opened.state === 'complete') return finished(options, opened.folder, true);
  const { run } = opened;
  if (opened.resumed) sayResumed(run.folder, run.record, shard);
  logEvent('info', 'run', { folder: run.folder, resumed: opened.resumed, questions: benchmark.questions.length });

  let closed = false;
  try {
    const onProgress = ({ answered, failed }: ProgressState): void =>
      heartbeat.update({ answered, failed, lastBatchAt: new Date().toISOString() });
    heartbeat.update({ state: 'running', questions: benchmark.questions.length });
    const asked = { benchmark, answerer, images, run, failFast, signal, stream, onProgress };
    const outcome = await runBenchmark(asked);
    logEvent('info', 'answered', { ...outcome, folder: run.folder });
    if (!outcome.finished) {
      const { answered } = outcome;
      return { state: 'interrupted', folder: run.folder, answered, questions: benchmark.questions.length };
    }
    await run.stopClock();
    if (shard) await writeLatency(run);
    else {
      try {
        await scoreRun(options, run);
      } catch (error) {
        if (!signal.aborted) throw error;
        // Only a judge takes long enough to be interrupted; its grades are on the disk.
        const { length } = benchmark.questions;
        return { state: 'interrupted', folder: run.folder, answered: length, questions: length };
      }
    }
    await run.close('complete');
    closed = true;
    return await finished(options, run.folder, false);
  } finally {
    if (!closed) await run.close('interrupted');
  }
}

/** The benchmark with only one shard's questions. Questions keep their index; a shard has no score. */
function shardOf(benchmark: LoadedBenchmark, shard: Shard, { visualTokens }: Answerer): LoadedBenchmark {
  const questions = selectShard(benchmark.questions, shard, visualTokens);
  return { ...benchmark, questions, score: () => null };
}

/** Reads the result of a complete run folder. */
async function finished(
  { benchmark, shard }: EvaluateOptions,
  folder: string,
  wasComplete: boolean,
): Promise<Evaluation> {
  if (!shard) return { state: 'complete', result: await loadRun(folder), wasComplete };
  const predictions = await readPredictions(join(folder, RUN_FILES.predictions));
  const failures = countFailures(predictions);
  const failed = failures.reduce((sum, { questions }) => sum + questions, 0);
  const { name, split } = benchmark;
  const result = { folder, benchmark: name, split, shard, questions: predictions.length, failed, failures };
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
  const { identity } = options.answerer;
  return (await staleAnswers({ benchmark, identity }, answerIds, images)).size === 0;
}

/** Whether everything that is computed from the answers and times is there, in this version's format. If not, it is made again. */
async function isScored(options: EvaluateOptions, folder: string): Promise<boolean> {
  const metrics = await readOrNull(metricsFile.read(folder));
  if (metrics === null || (await readOrNull(latencyFile.read(folder))) === null) return false;
  if (needsJudge(options) && !isGradedBy(metrics.judge, options.judging!.judge)) return false;
  return metrics.headline === null || (await readOrNull(readQuestionScores(folder))) !== null;
}

/** null also for a damaged file. */
async function readOrNull<T>(reading: Promise<T | null>): Promise<T | null> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof UserError) return null;
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

/** Says what is resumed, and that its answers are of another version, which may not give the same ones. */
function sayResumed(folder: string, { sessions }: RunRecord, shard: Shard | null): void {
  say('info', `Resuming ${folder}`);
  const { software } = sessions.at(-1)!;
  for (const earlier of sessions.filter(({ activeSeconds }) => activeSeconds > 0)) {
    const name = differentSoftware(earlier.software, software);
    if (name === null) continue;
    const merging = shard === null ? '' : ', and shards of several versions are not merged';
    say(
      'warn',
      `It has answers of ${name} ${earlier.software[name]}, and this is ${software[name]}: answers may differ between ` +
        `versions${merging}. Start over with --fresh to have all of one version.`,
    );
    return;
  }
}

function warnMissingImages({ stamps, missing }: ImageSurvey): void {
  if (missing.length === 0) return;
  const all = missing.length + stamps.size;
  say('warn', `${missing.length} of ${all} images are missing, such as ${missing[0]}: their questions will fail.`);
}

async function identityOf(benchmark: LoadedBenchmark, { identity }: Answerer): Promise<RunIdentity> {
  const { name, split, protocol, maxNewTokens } = benchmark;
  const dataFiles = await hashDataFiles(benchmark);
  return { benchmark: name, split, protocol, dataFiles, maxNewTokens, ...identity };
}
