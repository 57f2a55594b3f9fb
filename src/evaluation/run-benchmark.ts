import { join } from 'node:path';
import type { LoadedBenchmark, Question } from '../benchmarks/benchmark.js';
import { messageOf, UserError } from '../errors.js';
import type { Inference } from '../model/inference/inference.js';
import { PREPROCESSING_VERSION, weightsHash } from '../model/model-folder.js';
import { answerText } from '../model/prompt.js';
import { type Damage, describeDamage } from '../results/json-lines.js';
import { type BatchTimings, openBatchTimings } from '../results/latency.js';
import { openPredictions, type Prediction, type PredictionsFile } from '../results/predictions.js';
import { startProgress } from '../results/progress.js';
import { RUN_FILES, type Run } from '../results/run-folder.js';
import { answerId } from '../results/run-identity.js';
import { groupByImage, planBatches } from './plan-batches.js';
import { type BatchSources, type PreparedBatch, prepareBatch, type ReadyQuestion } from './prepare-batch.js';

/** Batches of a process that are not counted as measured: memory is allocated and kernels are chosen in them. */
const WARMUP_BATCHES = 1;
/** Batches whose prefill is timed, by a second run that stops after the first token. */
const PREFILL_TIMED_BATCHES = 5;

/** How tokens are chosen, for the run's identity. */
export const GENERATION = { method: 'greedy' } as const;

export interface RunBenchmarkOptions {
  benchmark: LoadedBenchmark;
  sources: Omit<BatchSources, 'images'>;
  /** Loads the model; called only when there is something to ask. */
  inference: () => Promise<Inference>;
  run: Run;
  /** Rows per batch. */
  batchSize: number;
  /** Stops after the current batch when aborted. */
  signal: AbortSignal;
  stream: NodeJS.WriteStream;
}

/** How far a run came. */
export interface RunOutcome {
  finished: boolean;
  answered: number;
  failed: number;
}

/**
 * Asks every question of a benchmark that has no answer yet, batch by batch. While the model works on one batch, the
 * next one's images are decoded. Answers are on the disk before the next batch starts.
 */
export async function runBenchmark(options: RunBenchmarkOptions): Promise<RunOutcome> {
  const { run } = options;
  const paths = { predictions: join(run.folder, RUN_FILES.predictions), batches: join(run.folder, RUN_FILES.batches) };
  const predictions = await openPredictions(paths.predictions);
  const timings = await openBatchTimings(paths.batches);
  reportDamage(options.stream, paths.predictions, predictions.damage, 'What was in them is asked again.');
  reportDamage(options.stream, paths.batches, timings.damage, 'The times in them are lost.');
  try {
    const outcome = await answerAll(options, predictions, timings);
    if (outcome.finished) await predictions.finish();
    return outcome;
  } finally {
    await predictions.close();
    await timings.close();
  }
}

function reportDamage(stream: NodeJS.WriteStream, path: string, damage: Damage, consequence: string): void {
  if (damage.lines > 0) stream.write(`${describeDamage(path, damage)}. ${consequence}\n`);
}

async function answerAll(
  options: RunBenchmarkOptions,
  predictions: PredictionsFile,
  timings: BatchTimings,
): Promise<RunOutcome> {
  const { benchmark, run, signal } = options;
  const sources: BatchSources = { ...options.sources, images: benchmark.images };
  const isAnswered = ({ index }: Question): boolean => typeof predictions.answers.get(index) === 'string';
  const open = benchmark.questions.filter((question) => !isAnswered(question));
  const batches = planBatches(groupByImage(open), options.batchSize);
  const state = startTally(benchmark, predictions);
  if (batches.length === 0) return { finished: true, answered: state.answered, failed: 0 };
  const inference = await options.inference();
  const progress = startProgress({ total: benchmark.questions.length, done: state.answered, stream: options.stream });
  const record = async (made: Prediction[]): Promise<void> => {
    if (made.length === 0) return;
    await predictions.append(made);
    for (const prediction of made) state.add(prediction);
    progress.update(state);
  };
  const work: Work = { options, inference, sources, timings, record };

  run.startClock();
  let next: Promise<PreparedBatch> | undefined = prepareBatch(sources, batches[0]!);
  try {
    for (let i = 0; i < batches.length; i++) {
      const batch = await next!;
      next = batches[i + 1] && prepareBatch(sources, batches[i + 1]!);
      // A failure to prepare surfaces when that batch is awaited, not while this one runs.
      next?.catch(() => undefined);
      await record(batch.rejected.map(({ question, code, message }) => failed(options, question, code, message)));
      const timePrefill = i >= WARMUP_BATCHES && i < WARMUP_BATCHES + PREFILL_TIMED_BATCHES;
      if (batch.rows.length > 0) await runBatch(work, batch, { warmup: i < WARMUP_BATCHES, timePrefill });
      await run.saveProgress();
      if (signal.aborted) break;
    }
  } finally {
    progress.stop();
    await next?.catch(() => undefined);
  }
  const remaining = benchmark.questions.length - state.answered - state.failed;
  return { finished: remaining === 0, answered: state.answered, failed: state.failed };
}

/** What the batches of a run share. */
interface Work {
  options: RunBenchmarkOptions;
  inference: Inference;
  sources: BatchSources;
  timings: BatchTimings;
  /** Puts predictions on the disk and on the display. */
  record(made: Prediction[]): Promise<void>;
}

/** Runs a batch; if the model cannot, its questions one by one, so that one bad question does not fail the others. */
async function runBatch(
  work: Work,
  batch: PreparedBatch,
  measure: { warmup: boolean; timePrefill: boolean },
): Promise<void> {
  const { options, inference, sources, timings, record } = work;
  const { pixels, rows } = batch;
  const questions = batch.ready.flat();
  let result: Awaited<ReturnType<Inference['run']>>;
  try {
    const { maxNewTokens } = options.benchmark;
    result = await inference.run({ pixels, rows, maxNewTokens, timePrefill: measure.timePrefill });
  } catch (error) {
    if (error instanceof UserError) throw error; // the model is gone, not only this batch
    if (questions.length === 1) {
      return record([failed(options, questions[0]!.question, 'inference-failed', messageOf(error))]);
    }
    for (const { question } of questions) {
      const alone = await prepareBatch(sources, groupByImage([question]));
      await runBatch(work, alone, { ...measure, timePrefill: false });
    }
    return;
  }
  await record(batch.ready.flatMap((row, r) => row.map((ready, q) => answered(options, ready, result.tokens[r]![q]!))));
  const newTokens = result.tokens.flat().map((ids) => tokensWithEnd(ids, options.benchmark));
  await timings.append({
    warmup: measure.warmup,
    rows: questions.map(({ question }) => question.index),
    images: batch.images,
    questions: questions.length,
    visualTokens: batch.images * sources.model.vision.visualTokens,
    promptTokens: result.promptTokens,
    newTokens: newTokens.reduce((sum, tokens) => sum + tokens, 0),
    steps: result.steps,
    decodeImageMs: batch.decodeMs,
    visionMs: result.visionMs,
    generateMs: result.generateMs,
    prefillMs: result.prefillMs,
  });
}

/** Tokens of an answer, the end of sequence included unless generation stopped before it. */
function tokensWithEnd(ids: readonly number[], { maxNewTokens }: LoadedBenchmark): number {
  return Math.min(ids.length + 1, maxNewTokens);
}

function answered(options: RunBenchmarkOptions, { question, imageSha256 }: ReadyQuestion, ids: number[]): Prediction {
  return {
    ...head(options, question, imageSha256),
    text: answerText(options.sources.tokenizer, ids),
    tokens: tokensWithEnd(ids, options.benchmark),
  };
}

function failed(options: RunBenchmarkOptions, question: Question, code: string, message: string): Prediction {
  return { ...head(options, question, null), text: null, error: { code, message } };
}

function head({ benchmark, sources: { model } }: RunBenchmarkOptions, question: Question, imageSha256: string | null) {
  return {
    index: question.index,
    question_id: question.questionId,
    prompt: question.text,
    answer_id: answerId({
      weightsHash: weightsHash(model.manifest),
      resolution: model.vision.resolution,
      prompt: question.text,
      imageSha256,
      maxNewTokens: benchmark.maxNewTokens,
      generation: GENERATION,
      preprocessingVersion: PREPROCESSING_VERSION,
    }),
    model_id: model.manifest.name,
    metadata: {},
  };
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
