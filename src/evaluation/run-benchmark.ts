import { freemem } from 'node:os';
import { join } from 'node:path';
import type { LoadedBenchmark, Question } from '../benchmarks/benchmark.js';
import type { Inference } from '../model/inference/inference.js';
import { type BatchTimings, openBatchTimings } from '../results/runs/latency.js';
import { openPredictions, type Prediction, type PredictionsFile } from '../results/runs/predictions.js';
import { RUN_FILES, type Run } from '../results/runs/run-folder.js';
import { UserError } from '../shared/errors.js';
import { type Damage, describeDamage } from '../shared/json-lines.js';
import { logEvent, say } from '../shared/log.js';
import { oneByOne, takeInParallel } from '../shared/parallel.js';
import { type ProgressState, startProgress } from '../terminal/answer-progress.js';
import { answerBatch, type BatchWork } from './answer-batch.js';
import { type BatchLimits, groupByImage, openBatchQueue } from './plan-batches.js';
import type { BatchSources } from './prepare-batch.js';
import { rowTokens } from './row-tokens.js';

/** Batches per device that are in the works at once: one is run, one waits for the device, one is prepared or written. */
const LANES_PER_WORKER = 3;
/** Of the free memory, for the pixels of batches that are in the works. */
const PIXELS_SHARE = 1 / 8;

export interface RunBenchmarkOptions {
  benchmark: LoadedBenchmark;
  sources: Omit<BatchSources, 'images'>;
  /** Loads the model; called only when there is something to ask. */
  inference: () => Promise<Inference>;
  /** Batches the model runs at the same time: one per device. */
  workers: number;
  run: Run;
  limits: BatchLimits;
  /** End the run at the first question that has no answer. */
  failFast: boolean;
  /** Stops after the batches that are running when aborted. */
  signal: AbortSignal;
  stream: NodeJS.WriteStream;
  /** Called when answers are on the disk. */
  onProgress: (state: ProgressState) => void;
}

/** How far a run came. */
export interface RunOutcome {
  finished: boolean;
  answered: number;
  failed: number;
  /** Bytes that batches were limited to, by the estimate of `limits`, when memory was short; otherwise null. */
  shrunkTo: number | null;
}

/**
 * Asks every question of a benchmark that has no answer yet, batch by batch. While the model works on a batch, the next
 * ones are prepared and the answers of the last one are put on the disk.
 * @throws UserError when the model is gone, nothing can be written or, with `failFast`, a question has no answer; what
 *   was answered before is on the disk
 */
export async function runBenchmark(options: RunBenchmarkOptions): Promise<RunOutcome> {
  const { run } = options;
  const paths = { predictions: join(run.folder, RUN_FILES.predictions), batches: join(run.folder, RUN_FILES.batches) };
  const predictions = await openPredictions(paths.predictions);
  const timings = await openBatchTimings(paths.batches);
  reportDamage(paths.predictions, predictions.damage, 'What was in them is asked again.');
  reportDamage(paths.batches, timings.damage, 'The times in them are lost.');
  try {
    const outcome = await answerAll(options, predictions, timings);
    if (outcome.finished) await predictions.finish();
    return outcome;
  } finally {
    await predictions.close();
    await timings.close();
  }
}

function reportDamage(path: string, damage: Damage, consequence: string): void {
  if (damage.lines > 0) say('warn', `${describeDamage(path, damage)}. ${consequence}`);
}

async function answerAll(
  options: RunBenchmarkOptions,
  predictions: PredictionsFile,
  timings: BatchTimings,
): Promise<RunOutcome> {
  const { benchmark, run, signal, stream, workers, failFast } = options;
  const { model, tokenizer } = options.sources;
  const isAnswered = ({ index }: Question): boolean => typeof predictions.answers.get(index) === 'string';
  const open = benchmark.questions.filter((question) => !isAnswered(question));
  const state = startTally(benchmark, predictions);
  if (open.length === 0) return { finished: true, answered: state.answered, failed: 0, shrunkTo: null };

  const queue = openBatchQueue(groupByImage(open), rowTokens(model, tokenizer, open), options.limits);
  const inference = options.inference();
  inference.then(
    ({ peakMemoryBytes }) => run.startClock(peakMemoryBytes),
    () => undefined, // surfaces where a batch needs the model
  );
  const progress = startProgress({ total: benchmark.questions.length, done: state.answered, stream });
  let shrunkTo: number | null = null;
  const work: BatchWork = {
    maker: { benchmark, model, tokenizer },
    sources: { ...options.sources, images: benchmark.images },
    queue,
    inference,
    workers,
    started: 0,
    signal,
    record: oneByOne(async (made, timing) => {
      if (made.length > 0) await predictions.append(made);
      for (const prediction of made) state.add(prediction);
      progress.update(state);
      options.onProgress(state);
      if (timing) await timings.append(timing);
      if (timing) logEvent('debug', 'batch', { ...timing });
      for (const { index, error } of made.filter((one) => one.text === null)) {
        logEvent('warn', 'question-failed', { row: index, ...error });
      }
      await run.saveProgress();
      if (failFast) throwFirstFailure(made);
    }),
    onShort(batch) {
      shrunkTo = queue.shrink(batch);
      const rows = batch.groups.length;
      logEvent('info', 'out-of-memory', { images: rows, bytes: shrunkTo });
      if (rows > 1) progress.log(`Memory was short for ${rows} images at once: going on with smaller batches.`);
    },
  };
  try {
    const next = () => (signal.aborted ? undefined : queue.take());
    await takeInParallel(next, laneCount(options), (batch) => answerBatch(work, batch));
  } finally {
    progress.stop();
  }
  const remaining = benchmark.questions.length - state.answered - state.failed;
  return { finished: remaining === 0, answered: state.answered, failed: state.failed, shrunkTo };
}

/** As many batches in the works as memory has room for, and at least one per device. */
function laneCount({ workers, limits, sources }: RunBenchmarkOptions): number {
  const pixelBytes = limits.rows * sources.model.vision.resolution ** 2 * 3;
  const room = Math.floor((PIXELS_SHARE * freemem()) / pixelBytes);
  return Math.min(LANES_PER_WORKER * workers, Math.max(workers, room));
}

function throwFirstFailure(made: readonly Prediction[]): void {
  const failure = made.find(({ text }) => text === null);
  if (failure?.text !== null) return;
  const { code, message } = failure.error;
  throw new UserError(`Question ${failure.question_id} has no answer (${code}: ${message}); --fail-fast ends the run.`);
}

/** Counts answers and failures and keeps the running score; failures of earlier sessions are asked again. */
function startTally(benchmark: LoadedBenchmark, predictions: PredictionsFile) {
  let scoreSum = 0;
  let scored = 0;
  const tally = {
    answered: 0,
    failed: 0,
    meanScore: null as number | null,
    add({ index, text }: Pick<Prediction, 'index' | 'text'>): void {
      if (text === null) {
        tally.failed++;
        return;
      }
      tally.answered++;
      const score = benchmark.scoreOne(index, text);
      if (score === null) return;
      scored++;
      scoreSum += score;
      tally.meanScore = scoreSum / scored;
    },
  };
  for (const [index, text] of predictions.answers) if (text !== null) tally.add({ index, text });
  return tally;
}
