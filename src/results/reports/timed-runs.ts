import { sum } from 'simple-statistics';
import {
  type Interval,
  indexImages,
  percentileInterval,
  resampledScores,
  resampleSums,
} from '../statistics/bootstrap.js';
import { type Quantiles, quantilesOf } from '../statistics/quantiles.js';

/** One repetition: a batch of images with one question each. Milliseconds of the whole batch, stage after stage. */
export interface TimedRun {
  /** Decoding and resizing the images, by one thread. */
  decodeImageMs: number;
  visionMs: number;
  /** Generating one token, a run of its own; null where it was not measured. */
  prefillMs: number | null;
  /** Generating all tokens, the prefill included. */
  generateMs: number;
}

/** What was repeated. */
export interface TimedSetting {
  /** Images, with one question each. */
  batchSize: number;
  /** Text tokens of each prompt; those of the image come in addition. */
  promptTokens: number;
  /** Tokens each question gets, always all of them. */
  newTokens: number;
}

/** Repetitions of one setting with one model. */
export interface TimedSummary {
  /** Milliseconds of a batch. firstToken is image decoding, vision and prefill; generate is prefill and decoding. */
  stages: Record<
    'decodeImage' | 'vision' | 'prefill' | 'decodePerToken' | 'firstToken' | 'generate' | 'total',
    Quantiles
  >;
  /** Work over time, of all repetitions together. */
  throughput: {
    /** New tokens over vision and generating, as the LLaVA-HR paper counts. */
    tokensPerSecond: number | null;
    /** New tokens but the first over the decoding steps alone. */
    decodeTokensPerSecond: number | null;
    /** Images over image decoding and vision. */
    imagesPerSecond: number | null;
    /** Questions over everything. */
    questionsPerSecond: number | null;
  };
}

/** Nothing is clamped: decode is the difference of two measurements, and may be negative where noise is larger. */
export function summarizeTimedRuns(runs: readonly TimedRun[], setting: TimedSetting): TimedSummary {
  const { batchSize, newTokens } = setting;
  const further = newTokens - 1;
  const measured = (time: (run: TimedRun) => number | null): number[] => runs.map(time).filter((ms) => ms !== null);
  const steps = ({ prefillMs, generateMs }: TimedRun) => (prefillMs === null ? null : generateMs - prefillMs);
  const perSecond = (work: number, times: readonly number[]): number | null => {
    const ms = sum([...times]);
    return ms > 0 ? (1000 * work * times.length) / ms : null;
  };
  return {
    stages: {
      decodeImage: quantilesOf(measured((run) => run.decodeImageMs)),
      vision: quantilesOf(measured((run) => run.visionMs)),
      prefill: quantilesOf(measured((run) => run.prefillMs)),
      decodePerToken: quantilesOf(further > 0 ? measured(steps).map((ms) => ms / further) : []),
      firstToken: quantilesOf(
        measured((run) => (run.prefillMs === null ? null : run.decodeImageMs + run.visionMs + run.prefillMs)),
      ),
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
  };
}

/** Of fewer pairs a bootstrap says nothing. */
const FEWEST_PAIRS = 5;

/** How many times as fast, with the 95 % interval; null where too few pairs were measured. */
export interface SpeedRatio {
  ratio: number;
  interval: Interval | null;
  pairs: number;
}

/**
 * Speed of `runs` over that of `reference`, in tokens/s of vision and generating. Run i of both belong together, and are
 * drawn together by the bootstrap: what slowed the machine down for both cancels out.
 */
export function pairedSpeedRatio(runs: readonly TimedRun[], reference: readonly TimedRun[]): SpeedRatio | null {
  const pairs = Math.min(runs.length, reference.length);
  if (pairs === 0) return null;
  const times = [runs, reference].map((of) => Float64Array.from(of.slice(0, pairs), modelMs));
  const ratioOf = (sums: ArrayLike<number>): number => sums[1]! / sums[0]!;
  const alone = indexImages(Array.from({ length: pairs }, () => null));
  const resampled = pairs < FEWEST_PAIRS ? null : resampleSums(times, alone, { seed: 1 });
  return {
    ratio: ratioOf(times.map((ms) => sum([...ms]))),
    interval: resampled && percentileInterval(resampledScores(resampled, ratioOf)),
    pairs,
  };
}

/** The model's own time: what the paper's tokens/s is over. */
function modelMs({ visionMs, generateMs }: TimedRun): number {
  return visionMs + generateMs;
}

function totalMs(run: TimedRun): number {
  return run.decodeImageMs + modelMs(run);
}
