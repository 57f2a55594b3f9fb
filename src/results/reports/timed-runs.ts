import { sum } from 'simple-statistics';
import {
  type Interval,
  indexImages,
  percentileInterval,
  resampledScores,
  resampleSums,
} from '../statistics/bootstrap.js';
import { medianInterval, type Quantiles, quantilesOf } from '../statistics/quantiles.js';

/** One repetition: a batch of images with one question each. Milliseconds of the whole batch by stage. */
export interface TimedRun {
  /** Decoding and resizing the images on one thread. */
  decodeImageMs: number;
  visionMs: number;
  /** Generating one token, measured by a separate run; null if not measured. */
  prefillMs: number | null;
  /** Generating all tokens, including the prefill. */
  generateMs: number;
}

/** Settings of a timed run. */
export interface TimedSetting {
  /** Images, with one question each. */
  batchSize: number;
  /** Text tokens of each prompt, without the visual tokens. */
  promptTokens: number;
  /** Tokens generated per question; generation never stops early. */
  newTokens: number;
}

/** Summary of the repetitions of one setting with one model. */
export interface TimedSummary {
  /** Milliseconds of a batch. firstToken = image decoding + vision + prefill; generate = prefill + decode. */
  stages: Record<
    'decodeImage' | 'vision' | 'prefill' | 'decodePerToken' | 'firstToken' | 'generate' | 'total',
    Quantiles
  >;
  /** Throughput over all repetitions. */
  throughput: {
    /** New tokens over the time of vision and generation, as in the LLaVA-HR paper. */
    tokensPerSecond: number | null;
    /** New tokens except the first over the time of the decode steps. */
    decodeTokensPerSecond: number | null;
    /** Images over the time of image decoding and vision. */
    imagesPerSecond: number | null;
    /** Questions over the total time. */
    questionsPerSecond: number | null;
  };
  /** 95 % intervals over the repetitions; null with too few. */
  intervals: {
    /** Of the median of `stages.firstToken`, ms. */
    firstToken: Interval | null;
    tokensPerSecond: Interval | null;
  };
}

/** Summarises repetitions. Decode is a difference of two measurements; noise may make it negative, and it is not clamped. */
export function summarizeTimedRuns(runs: readonly TimedRun[], setting: TimedSetting): TimedSummary {
  const { batchSize, newTokens } = setting;
  const further = newTokens - 1;
  const measured = (time: (run: TimedRun) => number | null): number[] => runs.map(time).filter((ms) => ms !== null);
  const steps = ({ prefillMs, generateMs }: TimedRun) => (prefillMs === null ? null : generateMs - prefillMs);
  const perSecond = (work: number, times: readonly number[]): number | null => {
    const ms = sum([...times]);
    return ms > 0 ? (1000 * work * times.length) / ms : null;
  };
  const firstToken = measured((run) =>
    run.prefillMs === null ? null : run.decodeImageMs + run.visionMs + run.prefillMs,
  );
  return {
    stages: {
      decodeImage: quantilesOf(measured((run) => run.decodeImageMs)),
      vision: quantilesOf(measured((run) => run.visionMs)),
      prefill: quantilesOf(measured((run) => run.prefillMs)),
      decodePerToken: quantilesOf(further > 0 ? measured(steps).map((ms) => ms / further) : []),
      firstToken: quantilesOf(firstToken),
      generate: quantilesOf(measured((run) => run.generateMs)),
      total: quantilesOf(measured(totalMs)),
    },
    throughput: {
      tokensPerSecond: perSecond(batchSize * newTokens, measured(modelMs)),
      decodeTokensPerSecond: perSecond(batchSize * further, further > 0 ? measured(steps) : []),
      imagesPerSecond: perSecond(
        batchSize,
        measured((run) => run.decodeImageMs + run.visionMs),
      ),
      questionsPerSecond: perSecond(batchSize, measured(totalMs)),
    },
    intervals: {
      firstToken: medianInterval(firstToken),
      tokensPerSecond: rateInterval(batchSize * newTokens, measured(modelMs)),
    },
  };
}

/** Interval of work per second over repetitions of that work. @param times milliseconds of each */
function rateInterval(work: number, times: readonly number[]): Interval | null {
  const sums = resampledMs([times]);
  return sums && percentileInterval(resampledScores(sums, (ms) => (1000 * work * times.length) / ms[0]!));
}

/** A bootstrap over fewer repetitions is meaningless. */
const FEWEST_REPETITIONS = 5;

/** Sums of repetitions' times that are drawn together; null with too few repetitions. @param seed of the draws */
function resampledMs(times: readonly (readonly number[])[], seed = 1): Float64Array[] | null {
  const repetitions = times[0]!.length;
  if (repetitions < FEWEST_REPETITIONS) return null;
  const alone = indexImages(Array.from({ length: repetitions }, () => null));
  return resampleSums(
    times.map((of) => Float64Array.from(of)),
    alone,
    { seed },
  );
}

/** Speed ratio with its 95 % interval; null with too few pairs. */
export interface SpeedRatio {
  ratio: number;
  interval: Interval | null;
  pairs: number;
}

/**
 * Speed of `runs` divided by that of `reference`, in tokens/s of vision and generation. The bootstrap draws run i of both
 * together, so that a slowdown of the machine that affects both cancels out.
 */
export function pairedSpeedRatio(runs: readonly TimedRun[], reference: readonly TimedRun[]): SpeedRatio | null {
  const pairs = Math.min(runs.length, reference.length);
  if (pairs === 0) return null;
  const times = [runs, reference].map((of) => of.slice(0, pairs).map(modelMs));
  const ratioOf = (sums: ArrayLike<number>): number => sums[1]! / sums[0]!;
  const resampled = resampledMs(times);
  return {
    ratio: ratioOf(times.map((ms) => sum([...ms]))),
    interval: resampled && percentileInterval(resampledScores(resampled, ratioOf)),
    pairs,
  };
}

/**
 * Speed of one measurement divided by that of another one that was made at another time: repetitions are drawn
 * independently.
 * @param times of the model in each repetition (`modelMs`), with equally many new tokens in both
 */
export function speedRatio(
  times: readonly number[],
  reference: readonly number[],
): { ratio: number; interval: Interval | null } {
  const ratioOf = (ms: ArrayLike<number>): number => ms[1]! / reference.length / (ms[0]! / times.length);
  const [first, second] = [resampledMs([times]), resampledMs([reference], 2)];
  return {
    ratio: ratioOf([sum([...times]), sum([...reference])]),
    interval: first && second && percentileInterval(resampledScores([first[0]!, second[0]!], ratioOf)),
  };
}

/** Time in the model, the denominator of the paper's tokens/s. */
export function modelMs({ visionMs, generateMs }: TimedRun): number {
  return visionMs + generateMs;
}

function totalMs(run: TimedRun): number {
  return run.decodeImageMs + modelMs(run);
}
