import type { Inference } from '../model/inference/inference.js';
import { isOutOfMemory } from '../model/inference/out-of-memory.js';
import type { BatchResult } from '../model/inference/protocol.js';
import { WorkerEndedError } from '../model/inference/worker-process.js';
import { answerText } from '../model/prompt.js';
import type { BatchTiming } from '../results/runs/latency.js';
import type { Prediction } from '../results/runs/predictions.js';
import { messageOf, UserError } from '../shared/errors.js';
import { logEvent } from '../shared/log.js';
import type { AnswerWork } from './answerer.js';
import { type AskedQuestion, answered, failed, type PredictionMaker } from './make-prediction.js';
import type { BatchQueue, PlannedBatch, QuestionGroup } from './plan-batches.js';
import { type BatchSources, type PreparedBatch, prepareBatch } from './prepare-batch.js';
import { type BatchFailure, splitFailedBatch } from './split-failed-batch.js';

/** The first batch of each worker also allocates memory and selects kernels. */
const WARMUP_BATCHES_PER_WORKER = 1;
/** Batches whose prefill is timed by a second run that stops after the first token. */
const PREFILL_TIMED_BATCHES = 5;

/** What is recorded for a question for which the model computed infinities or NaN. */
const NON_FINITE =
  'The model computed logits that are not finite. Its weights may be damaged, or too large for fp16: try --precision fp32.';

/** State shared by all batches of a run. */
export interface BatchWork {
  maker: PredictionMaker;
  sources: BatchSources;
  queue: BatchQueue;
  /** Resolves once the model is loaded. */
  inference: Promise<Inference>;
  workers: number;
  /** Number of batches started so far. */
  started: number;
  /** When aborted, the run stops after the current batches. */
  signal: AbortSignal;
  record: AnswerWork['record'];
  /** Called when a batch ran out of memory, or may have. */
  onOutOfMemory(batch: PlannedBatch): void;
}

/**
 * Prepares a batch, runs it and records its answers. If the model cannot run it, smaller batches are put back into the
 * queue, or the questions are recorded as failed.
 * @throws UserError if the model is no longer available or the answers cannot be written
 */
export async function answerBatch(work: BatchWork, planned: PlannedBatch): Promise<void> {
  const batch = await prepareBatch(work.sources, planned.groups);
  await work.record(batch.rejected.map(({ question, code, message }) => failed(work.maker, question, code, message)));
  const inference = await work.inference;
  if (batch.rows.length === 0 || work.signal.aborted) return;

  const ordinal = work.started++;
  const warmup = ordinal < WARMUP_BATCHES_PER_WORKER * work.workers;
  const timePrefill = !warmup && ordinal < WARMUP_BATCHES_PER_WORKER * work.workers + PREFILL_TIMED_BATCHES;
  const { pixels, rows } = batch;
  const { maxNewTokens } = work.maker.benchmark;
  let result: BatchResult;
  try {
    result = await inference.run({ pixels, rows, maxNewTokens, timePrefill });
  } catch (error) {
    if (error instanceof UserError) throw error; // the model is unavailable, not just this batch
    return retryOrFail(work, planned, batch, error);
  }
  const predictions = batch.ready.flatMap((row, r) =>
    row.map((ready, q) =>
      result.finite[r]![q]!
        ? answerOf(work, ready, result.tokens[r]![q]!)
        : failed(work.maker, ready.question, 'non-finite-logits', NON_FINITE),
    ),
  );
  await work.record(predictions, [{ warmup, ...timingOf(work, batch, result) }]);
}

function answerOf({ maker, sources }: BatchWork, ready: AskedQuestion, ids: readonly number[]): Prediction {
  return answered(
    maker,
    ready,
    answerText(sources.tokenizer, ids, sources.convMode),
    tokensWithEnd(ids, maker.benchmark.maxNewTokens),
  );
}

/** Number of tokens of an answer, including the end token unless the token limit was reached first. */
function tokensWithEnd(ids: readonly number[], maxNewTokens: number): number {
  return Math.min(ids.length + 1, maxNewTokens);
}

async function retryOrFail(
  { queue, maker, record, onOutOfMemory }: BatchWork,
  planned: PlannedBatch,
  { ready }: PreparedBatch,
  error: unknown,
): Promise<void> {
  const failure = failureOf(error);
  logEvent('warn', 'batch-failed', { failure, images: planned.groups.length, message: messageOf(error) });
  const mayBeOutOfMemory = error instanceof WorkerEndedError && error.outOfMemory === 'perhaps';
  if (failure === 'out-of-memory' || mayBeOutOfMemory) onOutOfMemory(planned);
  const smaller = splitFailedBatch(failure, { ...planned, groups: askedGroups(ready) });
  if (smaller) queue.again(smaller);
  else await record(ready.flat().map(({ question }) => failed(maker, question, failure, messageOf(error))));
}

/** The questions of a batch that were given to the model. Those that were rejected are recorded already. */
function askedGroups(ready: PreparedBatch['ready']): QuestionGroup[] {
  return ready.map((row) => ({ image: row[0]!.question.image, questions: row.map(({ question }) => question) }));
}

function failureOf(error: unknown): BatchFailure {
  if (error instanceof WorkerEndedError) return error.outOfMemory === 'yes' ? 'out-of-memory' : 'worker-crashed';
  return isOutOfMemory(messageOf(error)) ? 'out-of-memory' : 'inference-failed';
}

function timingOf(
  { maker: { benchmark } }: BatchWork,
  { images, visualTokens, ready, decodeMs }: PreparedBatch,
  result: BatchResult,
): Omit<BatchTiming, 'warmup'> {
  const questions = ready.flat();
  return {
    rows: questions.map(({ question }) => question.index),
    images,
    questions: questions.length,
    visualTokens,
    promptTokens: result.promptTokens,
    newTokens: result.tokens.flat().reduce((sum, ids) => sum + tokensWithEnd(ids, benchmark.maxNewTokens), 0),
    steps: result.steps,
    decodeImageMs: decodeMs,
    visionMs: result.visionMs,
    generateMs: result.generateMs,
    prefillMs: result.prefillMs,
  };
}
