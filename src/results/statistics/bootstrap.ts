import { quantileSorted } from 'simple-statistics';
import type { Column } from './formula.js';

const RESAMPLES = 2000;
const COVERAGE = 0.95;

/** A 95 % confidence interval, in the unit of the score. */
export interface Interval {
  low: number;
  high: number;
}

/** Grouping of questions by image. */
export interface ImageIndex {
  /** Number of images; a question without an image counts as a separate one. */
  count: number;
  /** The image of each question, from 0 to `count` - 1. */
  of: Int32Array;
}

/** Fixed, so that the same runs always give the same intervals. */
const SEED = 1;

export interface BootstrapOptions {
  seed?: number; // default 1
  resamples?: number; // default 2000
}

/** Numbers images in order of first appearance. @param names per question; null without an image */
export function indexImages(names: readonly (string | number | null)[]): ImageIndex {
  const places = new Map<string | number, number>();
  let count = 0;
  const of = Int32Array.from(names, (name) => {
    if (name === null) return count++;
    const place = places.get(name) ?? count++;
    places.set(name, place);
    return place;
  });
  return { count, of };
}

/**
 * Sums of columns in each bootstrap resample. Images are resampled, not questions: answers about one image are correlated,
 * and an interval that ignores this is too narrow. Equal images, seed and number of resamples give equal draws, so the
 * scores of two runs are paired by index.
 * @returns [columns][resamples]; null with fewer than two images
 */
export function resampleSums(
  columns: readonly Column[],
  images: ImageIndex,
  { seed = SEED, resamples = RESAMPLES }: BootstrapOptions = {},
): Float64Array[] | null {
  const { count } = images;
  if (count < 2) return null;
  const sums = columns.map((column) => sumByImage(column, images));
  const resampled = columns.map(() => new Float64Array(resamples));
  const state = seedState(seed);
  const drawn = Array.from({ length: TOGETHER }, () => new Uint8Array(count));
  for (let first = 0; first < resamples; first += TOGETHER) {
    const wanted = Math.min(TOGETHER, resamples - first);
    for (let i = 0; i < wanted; i++) drawImages(drawn[i]!, state);
    sums.forEach((column, i) => {
      resampled[i]!.set(dot(drawn, column).subarray(0, wanted), first);
    });
  }
  return resampled;
}

/** The score of each resample. @param score computes a score from the sums of the columns */
export function resampledScores(
  sums: readonly Float64Array[],
  score: (sums: ArrayLike<number>) => number,
): Float64Array {
  const row = new Float64Array(sums.length);
  return Float64Array.from({ length: sums[0]?.length ?? 0 }, (_, resample) => {
    for (let column = 0; column < row.length; column++) row[column] = sums[column]![resample]!;
    return score(row);
  });
}

/** 95 % percentile interval. Resamples without a finite score are skipped; null if none remains. */
export function percentileInterval(values: Float64Array): Interval | null {
  const sorted = [...values.filter(Number.isFinite).sort()];
  if (sorted.length === 0) return null;
  return { low: quantileSorted(sorted, (1 - COVERAGE) / 2), high: quantileSorted(sorted, (1 + COVERAGE) / 2) };
}

/**
 * Two-sided p-value of the null hypothesis of no difference: twice the share of resamples on the other side of 0. The
 * smallest possible value is 2 / (resamples + 1). Source: Davison and Hinkley, Bootstrap Methods and their Application, 1997, 4.2 and 5.
 */
export function bootstrapPValue(differences: Float64Array): number | null {
  const finite = differences.filter(Number.isFinite);
  if (finite.length === 0) return null;
  const below = finite.filter((difference) => difference <= 0).length;
  const above = finite.filter((difference) => difference >= 0).length;
  return Math.min(1, (2 * (Math.min(below, above) + 1)) / (finite.length + 1));
}

/** Standard deviation of the resamples, which estimates the standard error. */
export function standardError(values: Float64Array): number {
  const finite = values.filter(Number.isFinite);
  const mean = finite.reduce((sum, value) => sum + value, 0) / finite.length;
  return Math.sqrt(finite.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (finite.length - 1));
}

/** Sums by image, without the images whose sum is 0: a category's column is 0 for those of all others. */
interface ImageSums {
  images: Int32Array;
  sums: Float64Array;
}

function sumByImage(column: Column, { count, of }: ImageIndex): ImageSums {
  if (typeof column !== 'number' && column.length !== of.length) {
    throw new Error(`${column.length} counts for ${of.length} questions`);
  }
  const sums = new Float64Array(count);
  for (let question = 0; question < of.length; question++) {
    sums[of[question]!]! += typeof column === 'number' ? column : column[question]!;
  }
  const images = new Int32Array(count);
  let used = 0;
  for (let image = 0; image < count; image++) {
    if (sums[image] === 0) continue;
    images[used] = image;
    sums[used++] = sums[image]!;
  }
  return { images: images.slice(0, used), sums: sums.slice(0, used) };
}

/** Resamples that are summed in one pass: an addition takes longer than the processor needs to begin the next one. */
const TOGETHER = 4;

/** The sum of a column in each resample. Each is added in the order of the images, since rounding depends on the order. */
function dot(drawn: readonly Uint8Array[], { images, sums }: ImageSums): Float64Array {
  const [first, second, third, fourth] = drawn as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  for (let i = 0; i < images.length; i++) {
    const image = images[i]!;
    const sum = sums[i]!;
    a += first[image]! * sum;
    b += second[image]! * sum;
    c += third[image]! * sum;
    d += fourth[image]! * sum;
  }
  return Float64Array.of(a, b, c, d);
}

/**
 * Draws as many images as there are, with replacement, and counts each. The generator xoshiro128++ (Blackman and Vigna,
 * 2021) is inlined, because a run of VQAv2 needs 80 million numbers and a call to pure-rand takes 31 ns.
 * @param drawn times that each image is drawn; bytes, to stay in the fastest cache: 255 images cannot be drawn more often,
 *   and of more, one is drawn 256 times with a probability below 1 / 256!
 * @param state four words, advanced
 */
function drawImages(drawn: Uint8Array, state: Int32Array): void {
  const count = drawn.length;
  const scale = count / 0x1_0000_0000;
  // "| 0" and no destructuring: values that V8 knows to be integers from the start make the loop faster.
  let a = state[0]! | 0;
  let b = state[1]! | 0;
  let c = state[2]! | 0;
  let d = state[3]! | 0;
  drawn.fill(0);
  for (let i = 0; i < count; i++) {
    const sum = (a + d) | 0;
    const word = (((sum << 7) | (sum >>> 25)) + a) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = (d << 11) | (d >>> 21);
    drawn[(word * scale) | 0]!++; // uniform over 0 .. count - 1 up to one part in 2^32 / count
  }
  state.set([a, b, c, d]);
}

/** The generator's state from a seed, by splitmix32. */
function seedState(seed: number): Int32Array {
  let mixed = seed | 0;
  return Int32Array.from({ length: 4 }, () => {
    mixed = (mixed + 0x9e3779b9) | 0;
    let z = mixed;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return z ^ (z >>> 15);
  });
}
