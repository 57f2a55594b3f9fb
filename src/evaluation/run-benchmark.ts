import { freemem } from 'node:os';
import { join } from 'node:path';
import type { LoadedBenchmark, Question } from '../benchmarks/benchmark.js';
import type { Inference } from '../model/inference/inference.js';
import { type ImageHash, openImageHashes } from '../results/runs/image-hashes.js';
import { type BatchTimings, openBatchTimings } from '../results/runs/latency.js';
import { openPredictions, type Prediction, type PredictionsFile } from '../results/runs/predictions.js';
import { RUN_FILES, type Run } from '../results/runs/run-folder.js';
import { UserError } from '../shared/errors.js';
import { type Damage, describeDamage, type JsonLinesFile } from '../shared/json-lines.js';
import { logEvent, say } from '../shared/log.js';
import { oneByOne, takeInParallel } from '../shared/parallel.js';
import { type ProgressState, startProgress } from '../terminal/answer-progress.js';
import { answerBatch, type BatchWork } from './answer-batch.js';
import { type ImageCheck, staleAnswers } from './check-images.js';
import { type BatchLimits, groupByImage, openBatchQueue } from './plan-batches.js';
import type { BatchSources } from './prepare-batch.js';
import { rowTokens } from './row-tokens.js';

/** Batches in flight per device: one running, one waiting for the device, one being prepared or written. */
const LANES_PER_WORKER = 3;
/** Share of free memory for the pixels of batches in flight. */
const PIXELS_SHARE = 1 / 8;

export interface RunBenchmarkOptions {
  benchmark: LoadedBenchmark;
  sources: Omit<BatchSources, 'images' | 'noteImage'>;
  /** What the images are: answers that were made from others are made again. */
  images: ImageCheck;
  /** Loads the model; called only when there is something to ask. */
  inference: () => Promise<Inference>;
  /** Batches that run at the same time: one per device. */
  workers: number;
  run: Run;
  limits: BatchLimits;
  /** Stop at the first question that fails. */
  failFast: boolean;
  /** When aborted, the run stops after the current batches. */
  signal: AbortSignal;
  stream: NodeJS.WriteStream;
  /** Called after answers are written to disk. */
  onProgress: (state: ProgressState) => void;
}

/** How far a run got. */
export interface RunOutcome {
  finished: boolean;
  answered: number;
  failed: number;
  /** Estimated bytes that batches were limited to after running out of memory; otherwise null. */
  shrunkTo: number | null;
}

/**
 * Answers all open questions of a benchmark, batch by batch. While the model runs a batch, the next ones are prepared and
 * the previous answers are written.
 * @throws UserError if the model becomes unavailable, answers cannot be written or, with `failFast`, a question fails;
 *   earlier answers are on disk
 */
export async function runBenchmark(options: RunBenchmarkOptions): Promise<RunOutcome> {
  const { run } = options;
  const pathOf = (name: keyof typeof RUN_FILES): string => join(run.folder, RUN_FILES[name]);
  const paths = { predictions: pathOf('predictions'), batches: pathOf('batches') };
  const predictions = await openPredictions(paths.predictions, run.owner);
  const timings = await openBatchTimings(paths.batches, run.owner);
  const images = await openImageHashes(pathOf('images'), options.images.noted, run.owner);
  reportDamage(paths.predictions, predictions.damage, 'Their questions are asked again.');
  reportDamage(paths.batches, timings.damage, 'Their timings are lost.');
  try {
    const outcome = await answerAll(options, predictions, timings, images);
    await images.append(options.images.takeUnsaved());
    if (outcome.finished) await predictions.finish();
    return outcome;
  } finally {
    await predictions.close();
    await timings.close();
    await images.close();
  }
}

function reportDamage(path: string, damage: Damage, consequence: string): void {
  if (damage.lines > 0) say('warn', `${describeDamage(path, damage)}. ${consequence}`);
}

async function answerAll(
  options: RunBenchmarkOptions,
  predictions: PredictionsFile,
  timings: BatchTimings,
  images: JsonLinesFile<ImageHash>,
): Promise<RunOutcome> {
  const { benchmark, run, signal, stream, workers, failFast } = options;
  const { model, tokenizer } = options.sources;
  const stale = await changedAnswers(options, predictions);
  const isAnswered = ({ index }: Question): boolean =>
    typeof predictions.answers.get(index) === 'string' && !stale.has(index);
  const open = benchmark.questions.filter((question) => !isAnswered(question));
  const state = startTally(benchmark, open, predictions);
  if (open.length === 0) return { finished: true, answered: state.answered, failed: 0, shrunkTo: null };

  const queue = openBatchQueue(groupByImage(open), rowTokens(model, tokenizer, open), options.limits);
  const inference = options.inference();
  inference.then(
    ({ peakMemoryBytes }) => run.startClock(peakMemoryBytes),
    () => undefined, // reported by the batch that needs the model
  );
  const progress = startProgress({ total: benchmark.questions.length, done: state.answered, stream });
  let shrunkTo: number | null = null;
  const work: BatchWork = {
    maker: { benchmark, model, tokenizer },
    sources: { ...options.sources, images: benchmark.images, noteImage: options.images.note },
    queue,
    inference,
    workers,
    started: 0,
    signal,
    record: oneByOne(async (added, timing) => {
      if (added.length > 0) await predictions.append(added);
      for (const prediction of added) state.add(prediction);
      progress.update(state);
      options.onProgress(state);
      if (timing) await timings.append(timing);
      if (timing) logEvent('debug', 'batch', { ...timing });
      for (const { index, error } of added.filter((one) => one.text === null)) {
        logEvent('warn', 'question-failed', { row: index, ...error });
      }
      const read = options.images.takeUnsaved();
      if (read.length > 0) await images.append(read);
      await run.saveProgress();
      if (failFast) throwFirstFailure(added);
    }),
    onOutOfMemory(batch) {
      shrunkTo = queue.shrink(batch);
      const rows = batch.groups.length;
      logEvent('info', 'out-of-memory', { images: rows, bytes: shrunkTo });
      if (rows > 1) progress.log(`Out of memory with ${rows} images per batch. Continuing with smaller batches.`);
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

/** Batches in flight: as many as fit into memory, but at least one per device. */
function laneCount({ workers, limits, sources }: RunBenchmarkOptions): number {
  const pixelBytes = limits.rows * sources.model.vision.resolution ** 2 * 3;
  const room = Math.floor((PIXELS_SHARE * freemem()) / pixelBytes);
  return Math.min(LANES_PER_WORKER * workers, Math.max(workers, room));
}

/** The rows that have an answer made from another image or prompt than there is now; says so. */
async function changedAnswers(options: RunBenchmarkOptions, predictions: PredictionsFile): Promise<Set<number>> {
  const { answers, answerIds } = predictions;
  const answered = new Map([...answerIds].filter(([index]) => typeof answers.get(index) === 'string'));
  const { benchmark, sources, run } = options;
  const stale = await staleAnswers({ benchmark, model: sources.model }, answered, options.images);
  if (stale.size > 0) {
    const questions = stale.size === 1 ? '1 answer was' : `${stale.size} answers were`;
    say('warn', `${questions} made from images that have changed since: asking again (${run.folder})`);
  }
  return stale;
}

function throwFirstFailure(predictions: readonly Prediction[]): void {
  const failure = predictions.find(({ text }) => text === null);
  if (failure?.text !== null) return;
  const { code, message } = failure.error;
  throw new UserError(`Question ${failure.question_id} failed (${code}: ${message}). Stopped because of --fail-fast.`);
}

/** Counts answers and failures and keeps the running score; failures of earlier sessions are asked again. */
function startTally(benchmark: LoadedBenchmark, open: readonly Question[], predictions: PredictionsFile) {
  const isOpen = new Set(open.map(({ index }) => index));
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
  for (const [index, text] of predictions.answers) if (text !== null && !isOpen.has(index)) tally.add({ index, text });
  return tally;
}
