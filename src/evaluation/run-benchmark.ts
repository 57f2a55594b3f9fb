import { join } from 'node:path';
import type { LoadedBenchmark, Question } from '../benchmarks/benchmark.js';
import type { EnergyMeter } from '../model/inference/energy-meter.js';
import { type ImageHash, openImageHashes } from '../results/runs/image-hashes.js';
import { type BatchTimings, openBatchTimings } from '../results/runs/latency.js';
import { openPredictions, type Prediction, type PredictionsFile } from '../results/runs/predictions.js';
import { RUN_FILES, type Run } from '../results/runs/run-folder.js';
import { countOf } from '../shared/count-of.js';
import { UserError } from '../shared/errors.js';
import { type Damage, describeDamage, type JsonLinesFile } from '../shared/json-lines.js';
import { logEvent, say } from '../shared/log.js';
import { oneByOne } from '../shared/parallel.js';
import { type ProgressState, startProgress } from '../terminal/answer-progress.js';
import type { Answerer, AnswerWork } from './answerer.js';
import { type ImageCheck, staleAnswers } from './check-images.js';
import { runningScore } from './running-score.js';

export interface RunBenchmarkOptions {
  benchmark: LoadedBenchmark;
  answerer: Pick<Answerer, 'identity' | 'answer' | 'startEnergyMeter'>;
  /** What the images are: answers that were made from others are made again. */
  images: ImageCheck;
  run: Run;
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
}

/**
 * Has all open questions of a benchmark answered and writes the answers to disk.
 * @throws UserError if nothing more can be answered, answers cannot be written or, with `failFast`, a question fails;
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
  const { benchmark, answerer, run, signal, stream, failFast } = options;
  const stale = await changedAnswers(options, predictions);
  const isAnswered = ({ index }: Question): boolean =>
    typeof predictions.answers.get(index) === 'string' && !stale.has(index);
  const open = benchmark.questions.filter((question) => !isAnswered(question));
  const state = startTally(benchmark, open, predictions);
  if (open.length === 0) return { finished: true, answered: state.answered, failed: 0 };

  const progress = startProgress({ total: benchmark.questions.length, done: state.answered, stream });
  let meter: EnergyMeter | undefined;
  let recorded = 0;
  const work: AnswerWork = {
    benchmark,
    questions: open,
    signal,
    onReady(memoryElsewhere) {
      meter ??= answerer.startEnergyMeter?.();
      run.startClock({ memoryElsewhere, energy: () => meter && { ...meter.read(), questions: recorded } });
    },
    noteImage: options.images.note,
    record: oneByOne(async (added, finished = []) => {
      if (added.length > 0) await predictions.append(added);
      for (const prediction of added) state.add(prediction);
      recorded += added.length;
      progress.update(state);
      options.onProgress(state);
      if (finished.length > 0) await timings.append(finished);
      for (const timing of finished) logEvent('debug', 'batch', { ...timing });
      for (const { index, error } of added.filter((one) => one.text === null)) {
        logEvent('warn', 'question-failed', { row: index, ...error });
      }
      const read = options.images.takeUnsaved();
      if (read.length > 0) await images.append(read);
      await run.saveProgress();
      if (failFast) throwFirstFailure(added);
    }),
    log: progress.log,
  };
  try {
    await answerer.answer(work);
  } finally {
    progress.stop();
    meter?.stop();
  }
  const remaining = benchmark.questions.length - state.answered - state.failed;
  return { finished: remaining === 0, answered: state.answered, failed: state.failed };
}

/** The rows that have an answer made from another image or prompt than there is now; says so. */
async function changedAnswers(options: RunBenchmarkOptions, predictions: PredictionsFile): Promise<Set<number>> {
  const { answers, answerIds } = predictions;
  const answered = new Map([...answerIds].filter(([index]) => typeof answers.get(index) === 'string'));
  const { benchmark, answerer, run } = options;
  const stale = await staleAnswers({ benchmark, identity: answerer.identity }, answered, options.images);
  if (stale.size > 0) {
    const questions = countOf(stale.size, 'answer was', 'answers were');
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

/** Counts answers and failures and scores the answers so far; failures of earlier sessions are asked again. */
function startTally(benchmark: LoadedBenchmark, open: readonly Question[], predictions: PredictionsFile) {
  const isOpen = new Set(open.map(({ index }) => index));
  const score = runningScore(benchmark);
  const tally = {
    answered: 0,
    failed: 0,
    get score() {
      return score.current();
    },
    add({ index, text }: Pick<Prediction, 'index' | 'text'>): void {
      if (text === null) {
        tally.failed++;
        return;
      }
      tally.answered++;
      score.add(index, text);
    },
  };
  for (const [index, text] of predictions.answers) if (text !== null && !isOpen.has(index)) tally.add({ index, text });
  return tally;
}
