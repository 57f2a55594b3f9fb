import { sum } from 'simple-statistics';
import { jsonFile } from '../../shared/json-file.js';
import { type Damage, openJsonLines, readJsonLines } from '../../shared/json-lines.js';
import { AMOUNT, COUNT, nullable, objectOf, POSITIVE, schemaCheck } from '../../shared/json-schema.js';
import { quantilesOf } from '../statistics/quantiles.js';

/** One line of batches.jsonl: what a batch took. Times are of the whole batch, counts are sums over it. */
export interface BatchTiming {
  /** Among the first of a process: memory is being allocated, kernels are being chosen. */
  warmup: boolean;
  /** Row indices of the questions. */
  rows: number[];
  images: number;
  questions: number;
  visualTokens: number;
  promptTokens: number;
  /** Generated tokens of all questions, each end token included: it costs a step like any other. */
  newTokens: number;
  /** Iterations of the decoder; the first is the prefill. */
  steps: number;
  decodeImageMs: number;
  visionMs: number;
  /** Prefill and all further steps. */
  generateMs: number;
  /** null where it was not measured: it takes a second run that stops after one step. */
  prefillMs: number | null;
}

/** Milliseconds over the measured batches; null where there are too few of them to say. */
export interface StageTimes {
  /** Batches in which the stage was measured. */
  n: number;
  p50: number | null;
  p95: number | null;
  mean: number | null;
}

/** latency.json. Warm-up batches are left out of all but the end-to-end rates. */
export interface LatencySummary {
  schemaVersion: 1;
  batches: number;
  warmupBatches: number;
  images: number;
  questions: number;
  newTokens: number;
  visualTokensPerImage: number | null;
  /** Mean. Times are comparable at equal batches only. */
  questionsPerBatch: number | null;
  /** Each batch's time divided by what it did, so that the batch size does not hide the cost. At batch 1 it is the latency. */
  stages: {
    decodeImageMsPerImage: StageTimes;
    visionMsPerImage: StageTimes;
    prefillMsPerQuestion: StageTimes;
    /** Tokens after a question's first, which the prefill gives. */
    decodeMsPerToken: StageTimes;
  };
  /** From a batch's pixels to the first tokens of its questions: vision and prefill of the whole batch. */
  firstTokenMs: StageTimes;
  tokensPerSecond: {
    /** Of generating alone. */
    generate: number | null;
    /** Of the model: vision and generating. The way the LLaVA-HR paper counts. */
    model: number | null;
    /** Of the time spent on the run, warm-up, image decoding and writing included. */
    endToEnd: number | null;
  };
  questionsPerSecond: number | null; // end to end
  imagesPerSecond: number | null; // end to end
  /** Share of the time spent on the run in which no batch was in the model, mean of the devices; 0 without batches. */
  modelIdle: number;
  activeSeconds: number;
  /** Largest resident size, all processes of a session added up. */
  peakMemoryBytes: number;
}

/** batches.jsonl of a run that is being worked on. */
export interface BatchTimings {
  /** Of this and earlier sessions. */
  readonly batches: readonly BatchTiming[];
  /** Lines that were passed over on opening. */
  damage: Damage;
  /** On the disk when this resolves. Calls must not overlap. */
  append(...batches: readonly BatchTiming[]): Promise<void>;
  close(): Promise<void>;
}

const checkBatch = schemaCheck<BatchTiming>(
  objectOf<BatchTiming>({
    warmup: { type: 'boolean' },
    rows: { type: 'array', items: COUNT, minItems: 1 },
    images: COUNT,
    questions: POSITIVE,
    visualTokens: COUNT,
    promptTokens: COUNT,
    newTokens: COUNT,
    steps: COUNT,
    decodeImageMs: AMOUNT,
    visionMs: AMOUNT,
    generateMs: AMOUNT,
    prefillMs: nullable(AMOUNT),
  }),
);

const maybe = nullable(AMOUNT);
const stageTimes = objectOf<StageTimes>({ n: COUNT, p50: maybe, p95: maybe, mean: maybe });

/** Schema of a `LatencySummary`. */
export const latencySchema = objectOf<LatencySummary>({
  schemaVersion: { const: 1 },
  batches: COUNT,
  warmupBatches: COUNT,
  images: COUNT,
  questions: COUNT,
  newTokens: COUNT,
  visualTokensPerImage: maybe,
  questionsPerBatch: maybe,
  stages: objectOf<LatencySummary['stages']>({
    decodeImageMsPerImage: stageTimes,
    visionMsPerImage: stageTimes,
    prefillMsPerQuestion: stageTimes,
    decodeMsPerToken: stageTimes,
  }),
  firstTokenMs: stageTimes,
  tokensPerSecond: objectOf<LatencySummary['tokensPerSecond']>({ generate: maybe, model: maybe, endToEnd: maybe }),
  questionsPerSecond: maybe,
  imagesPerSecond: maybe,
  modelIdle: AMOUNT,
  activeSeconds: AMOUNT,
  peakMemoryBytes: AMOUNT,
});

export const latencyFile = jsonFile<LatencySummary>('latency.json', latencySchema);

/** Opens batches.jsonl. Append a batch after its predictions: a crash between the two then counts no question twice. */
export async function openBatchTimings(path: string): Promise<BatchTimings> {
  const batches: BatchTiming[] = [];
  const file = await openJsonLines(path, checkBatch, (batch) => batches.push(batch));
  return {
    batches,
    damage: file.damage,
    async append(...added) {
      await file.append(added);
      for (const batch of added) batches.push(batch);
    },
    close: file.close,
  };
}

/** The batches of a run that nobody works on; damaged lines, whose times are lost, are passed over. */
export async function readBatchTimings(path: string): Promise<BatchTiming[]> {
  const batches: BatchTiming[] = [];
  await readJsonLines(path, checkBatch, (batch) => batches.push(batch));
  return batches;
}

/**
 * @param activeSeconds time spent on the run, all its sessions added up, warm-up included
 * @param workerSeconds the same, a session counted once for each of the devices that worked in it
 */
export function summarizeLatency(
  batches: readonly BatchTiming[],
  activeSeconds: number,
  peakMemoryBytes: number,
  workerSeconds = activeSeconds,
): LatencySummary {
  const measured = batches.filter(({ warmup }) => !warmup);
  const total = (count: (batch: BatchTiming) => number) => sum(measured.map(count));
  const overall = (count: (batch: BatchTiming) => number) => sum(batches.map(count));
  const images = total((batch) => batch.images);
  const questions = total((batch) => batch.questions);
  const newTokens = total((batch) => batch.newTokens);
  const generateSeconds = total((batch) => batch.generateMs) / 1000;
  const visionSeconds = total((batch) => batch.visionMs) / 1000;
  const seconds = batches.length > 0 ? activeSeconds : 0; // no rate of nothing
  const times = (time: (batch: BatchTiming) => number | null) => stageTimesOf(measured.map(time));
  return {
    schemaVersion: 1,
    batches: measured.length,
    warmupBatches: batches.length - measured.length,
    images,
    questions,
    newTokens,
    visualTokensPerImage: ratio(
      total((batch) => batch.visualTokens),
      images,
    ),
    questionsPerBatch: ratio(questions, measured.length),
    stages: {
      decodeImageMsPerImage: times((batch) => ratio(batch.decodeImageMs, batch.images)),
      visionMsPerImage: times((batch) => ratio(batch.visionMs, batch.images)),
      prefillMsPerQuestion: times(({ prefillMs, questions }) => prefillMs && ratio(prefillMs, questions)),
      decodeMsPerToken: times(decodeMsPerToken),
    },
    firstTokenMs: times(({ visionMs, prefillMs }) => prefillMs && visionMs + prefillMs),
    tokensPerSecond: {
      generate: ratio(newTokens, generateSeconds),
      model: ratio(newTokens, visionSeconds + generateSeconds),
      endToEnd: ratio(
        overall((batch) => batch.newTokens),
        seconds,
      ),
    },
    questionsPerSecond: ratio(
      overall((batch) => batch.questions),
      seconds,
    ),
    imagesPerSecond: ratio(
      overall((batch) => batch.images),
      seconds,
    ),
    modelIdle: seconds > 0 ? Math.max(0, 1 - overall(modelMs) / 1000 / workerSeconds) : 0,
    activeSeconds,
    peakMemoryBytes,
  };
}

function modelMs({ visionMs, generateMs, prefillMs }: BatchTiming): number {
  return visionMs + generateMs + (prefillMs ?? 0);
}

function decodeMsPerToken({ generateMs, prefillMs, newTokens, questions }: BatchTiming): number | null {
  if (prefillMs === null) return null;
  return ratio(Math.max(0, generateMs - prefillMs), newTokens - questions); // two measurements: noise may cross
}

function stageTimesOf(values: readonly (number | null)[]): StageTimes {
  const { n, p50, p95, mean } = quantilesOf(values.filter((value) => value !== null));
  return { n, p50, p95, mean };
}

function ratio(amount: number, per: number): number | null {
  return per > 0 ? amount / per : null;
}
