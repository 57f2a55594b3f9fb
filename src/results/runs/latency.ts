import { sum } from 'simple-statistics';
import { jsonFile, type Ownership } from '../../shared/json-file.js';
import { type Damage, openJsonLines, readJsonLines } from '../../shared/json-lines.js';
import { AMOUNT, COUNT, nullable, objectOf, POSITIVE, schemaCheck } from '../../shared/json-schema.js';
import { quantilesOf } from '../statistics/quantiles.js';

/** One line of batches.jsonl: times and counts of a whole batch. */
export interface BatchTiming {
  /** Whether this is one of a process's first batches, which also allocate memory and select kernels. */
  warmup: boolean;
  /** Indices of the questions. */
  rows: number[];
  images: number;
  questions: number;
  /** null at a server, which counts them among the prompt's. */
  visualTokens: number | null;
  promptTokens: number;
  /** Generated tokens of all questions, including end tokens, which cost a step like any other. */
  newTokens: number;
  /** Iterations of the decoder; the first is the prefill. */
  steps: number;
  /** At a server: reading the image. */
  decodeImageMs: number;
  /** null at a server, which does not tell. */
  visionMs: number | null;
  /** Prefill and all decode steps. At a server: the whole request. */
  generateMs: number;
  /** Null if not measured: this needs a second run that stops after one step. */
  prefillMs: number | null;
  /** At a server: from the request to the first token, with the network and the server's queue; null if not streamed. */
  firstTokenMs?: number | null;
}

/** Milliseconds over the measured batches; null if there are too few. */
export interface StageTimes {
  /** Number of batches in which the stage was measured. */
  n: number;
  p50: number | null;
  p95: number | null;
  mean: number | null;
}

/** latency.json. Warm-up batches only count in the end-to-end rates. */
export interface LatencySummary {
  schemaVersion: 1;
  batches: number;
  warmupBatches: number;
  images: number;
  questions: number;
  newTokens: number;
  visualTokensPerImage: number | null;
  /** Mean. Times are comparable only between equal batches. */
  questionsPerBatch: number | null;
  /** Time per unit of work in each batch, independent of its size. At batch size 1 this is the latency. */
  stages: {
    decodeImageMsPerImage: StageTimes;
    visionMsPerImage: StageTimes;
    prefillMsPerQuestion: StageTimes;
    /** Tokens after the first, which comes from the prefill. */
    decodeMsPerToken: StageTimes;
  };
  /**
   * From a batch's pixels to the first token of its questions: vision and prefill of the whole batch. At a server: from a
   * request to its first token.
   */
  firstTokenMs: StageTimes;
  tokensPerSecond: {
    /** Over generation alone; null at a server, which works on many requests at the same time. */
    generate: number | null;
    /** Over vision and generation, as counted in the LLaVA-HR paper; null at a server. */
    model: number | null;
    /** Over the whole run, including warm-up, image decoding and writing. */
    endToEnd: number | null;
  };
  questionsPerSecond: number | null; // end to end
  imagesPerSecond: number | null; // end to end
  /** Share of the run's time in which the model was idle, averaged over devices; 0 without batches, null at a server. */
  modelIdle: number | null;
  activeSeconds: number;
  /** Peak resident memory, summed over the processes of a session; null at a server. */
  peakMemoryBytes: number | null;
  /** What a server counted and asks for. Absent for models that run on this machine. */
  usage?: Usage;
  /** Absent where it was not measured. */
  energy?: EnergyUse;
}

/** Of the whole processors (RAPL) and GPUs (nvidia-smi), with all else that ran there; null where it was not measured. */
export interface EnergyUse {
  cpu: PartUse | null;
  gpu: PartUse | null;
}

export interface PartUse {
  joulesPerQuestion: number;
  /** Mean while the run was active. */
  watts: number;
}

/** Tokens of all answers as the server counted them. */
export interface Usage {
  promptTokens: number;
  completionTokens: number;
  /** By the user's prices, in their currency; null without prices. */
  cost: number | null;
}

/** Money for a million tokens. */
export interface TokenPrices {
  input: number;
  output: number;
}

/** In the currency of the prices. */
export function costOf(promptTokens: number, completionTokens: number, { input, output }: TokenPrices): number {
  return (promptTokens * input + completionTokens * output) / 1e6;
}

/** A cost with the digits that matter. */
export function costText(cost: number): string {
  return cost.toFixed(cost < 1 ? 4 : 2);
}

/** batches.jsonl of a run in progress. */
export interface BatchTimings {
  /** Batches of this and earlier sessions. */
  readonly batches: readonly BatchTiming[];
  /** Lines that were skipped on opening. */
  damage: Damage;
  /** Resolves once the data is on disk. Calls must not overlap. */
  append(batches: readonly BatchTiming[]): Promise<void>;
  close(): Promise<void>;
}

const batchOfModel = objectOf<Omit<BatchTiming, 'firstTokenMs'>>({
  warmup: { type: 'boolean' },
  rows: { type: 'array', items: COUNT, minItems: 1 },
  images: COUNT,
  questions: POSITIVE,
  visualTokens: nullable(COUNT),
  promptTokens: COUNT,
  newTokens: COUNT,
  steps: COUNT,
  decodeImageMs: AMOUNT,
  visionMs: nullable(AMOUNT),
  generateMs: AMOUNT,
  prefillMs: nullable(AMOUNT),
});
const checkBatch = schemaCheck<BatchTiming>({
  ...batchOfModel,
  properties: { ...batchOfModel['properties'], firstTokenMs: nullable(AMOUNT) },
});

const maybe = nullable(AMOUNT);
const stageTimes = objectOf<StageTimes>({ n: COUNT, p50: maybe, p95: maybe, mean: maybe });

const latencyOfModel = objectOf<Omit<LatencySummary, 'usage' | 'energy'>>({
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
  modelIdle: maybe,
  activeSeconds: AMOUNT,
  peakMemoryBytes: maybe,
});

const usage = objectOf<Usage>({ promptTokens: COUNT, completionTokens: COUNT, cost: maybe });
const part = nullable(objectOf<PartUse>({ joulesPerQuestion: AMOUNT, watts: AMOUNT }));
const energy = objectOf<EnergyUse>({ cpu: part, gpu: part });
/** Schema of a `LatencySummary`. */
const latencySchema = { ...latencyOfModel, properties: { ...latencyOfModel['properties'], usage, energy } };

export const latencyFile = jsonFile<LatencySummary>('latency.json', latencySchema);

/** Opens batches.jsonl. Append a batch after its predictions: a crash between the two then counts no question twice. */
export async function openBatchTimings(path: string, owner?: Ownership): Promise<BatchTimings> {
  const batches: BatchTiming[] = [];
  const file = await openJsonLines(path, checkBatch, (batch) => batches.push(batch), owner);
  return {
    batches,
    damage: file.damage,
    async append(added) {
      await file.append(added);
      for (const batch of added) batches.push(batch);
    },
    close: file.close,
  };
}

/** The batches of a run that is not in progress. Damaged lines are skipped; their times are lost. */
export async function readBatchTimings(path: string): Promise<BatchTiming[]> {
  const batches: BatchTiming[] = [];
  await readJsonLines(path, checkBatch, (batch) => batches.push(batch));
  return batches;
}

/**
 * Summarises the batches of a run.
 * @param activeSeconds time spent on the run, summed over its sessions, including warm-up
 * @param workerSeconds the same, with each session multiplied by its number of devices
 * @param prices of a server's tokens, to know the cost
 */
export function summarizeLatency(
  batches: readonly BatchTiming[],
  activeSeconds: number,
  peakMemoryBytes: number,
  workerSeconds = activeSeconds,
  prices: TokenPrices | null = null,
): LatencySummary {
  const isServed = batches.some(({ visionMs }) => visionMs === null);
  const measured = batches.filter(({ warmup }) => !warmup);
  const total = (count: (batch: BatchTiming) => number) => sum(measured.map(count));
  const overall = (count: (batch: BatchTiming) => number) => sum(batches.map(count));
  const images = total((batch) => batch.images);
  const questions = total((batch) => batch.questions);
  const newTokens = total((batch) => batch.newTokens);
  const generateSeconds = total((batch) => batch.generateMs) / 1000;
  const visionSeconds = total((batch) => batch.visionMs ?? 0) / 1000;
  const seconds = batches.length > 0 ? activeSeconds : 0; // without batches there is no rate
  const times = (time: (batch: BatchTiming) => number | null) => stageTimesOf(measured.map(time));
  return {
    schemaVersion: 1,
    batches: measured.length,
    warmupBatches: batches.length - measured.length,
    images,
    questions,
    newTokens,
    visualTokensPerImage: ratio(
      total((batch) => batch.visualTokens ?? 0),
      isServed ? 0 : images,
    ),
    questionsPerBatch: ratio(questions, measured.length),
    stages: {
      decodeImageMsPerImage: times((batch) => ratio(batch.decodeImageMs, batch.images)),
      visionMsPerImage: times((batch) => batch.visionMs && ratio(batch.visionMs, batch.images)),
      prefillMsPerQuestion: times(({ prefillMs, questions }) => prefillMs && ratio(prefillMs, questions)),
      decodeMsPerToken: times(decodeMsPerToken),
    },
    firstTokenMs: times(firstTokenMs),
    tokensPerSecond: {
      generate: isServed ? null : ratio(newTokens, generateSeconds),
      model: isServed ? null : ratio(newTokens, visionSeconds + generateSeconds),
      // An answer has a token at least, its end: none means that the server does not count.
      endToEnd:
        ratio(
          overall((batch) => batch.newTokens),
          seconds,
        ) || null,
    },
    questionsPerSecond: ratio(
      overall((batch) => batch.questions),
      seconds,
    ),
    imagesPerSecond: ratio(
      overall((batch) => batch.images),
      seconds,
    ),
    modelIdle: isServed ? null : seconds > 0 ? Math.max(0, 1 - overall(modelMs) / 1000 / workerSeconds) : 0,
    activeSeconds,
    peakMemoryBytes: isServed ? null : peakMemoryBytes,
    ...(isServed ? { usage: usageOf(batches, prices) } : {}),
  };
}

function usageOf(batches: readonly BatchTiming[], prices: TokenPrices | null): Usage {
  const promptTokens = sum(batches.map((batch) => batch.promptTokens));
  const completionTokens = sum(batches.map(({ newTokens }) => newTokens));
  return { promptTokens, completionTokens, cost: prices && costOf(promptTokens, completionTokens, prices) };
}

function modelMs({ visionMs, generateMs, prefillMs }: BatchTiming): number {
  return (visionMs ?? 0) + generateMs + (prefillMs ?? 0);
}

function firstTokenMs({ visionMs, prefillMs, firstTokenMs: measured }: BatchTiming): number | null {
  return measured ?? (prefillMs && (visionMs ?? 0) + prefillMs);
}

function decodeMsPerToken(batch: BatchTiming): number | null {
  const { generateMs, newTokens, questions } = batch;
  const first = batch.firstTokenMs ?? batch.prefillMs;
  if (first === null) return null;
  return ratio(Math.max(0, generateMs - first), newTokens - questions); // two separate measurements, so noise may make it negative
}

function stageTimesOf(values: readonly (number | null)[]): StageTimes {
  const { n, p50, p95, mean } = quantilesOf(values.filter((value) => value !== null));
  return { n, p50, p95, mean };
}

function ratio(amount: number, per: number): number | null {
  return per > 0 ? amount / per : null;
}
