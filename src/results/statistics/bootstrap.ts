import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { quantileSorted } from 'simple-statistics';
import type { Column } from './formula.js';
import { seedState } from './image-draws.js';
import {
  finishBlocks,
  type ImageSums,
  type Resampling,
  resample,
  type SharedResampling,
  sharedResampling,
  takeBlocks,
} from './resample-blocks.js';

const RESAMPLES = 2000;
const COVERAGE = 0.95;

/** Draws times columns from which on another thread, which takes 0.05 s to start, shares the work. */
const WORTH_A_THREAD = 100e6;

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
  const resampling: Resampling = {
    count,
    columns: columns.map((column) => sumByImage(column, images)),
    resampled: columns.map(() => new Float64Array(resamples)),
  };
  const isLarge = count * resamples * columns.length >= WORTH_A_THREAD && availableParallelism() > 1;
  if (isLarge) return resampleInThreads(resampling, seedState(seed));
  resample(resampling, seedState(seed));
  return [...resampling.resampled];
}

/** Shares the work with another thread, without waiting for it: blocks that it does not finish are computed here. */
function resampleInThreads(resampling: Resampling, state: Int32Array): Float64Array[] {
  const blocks = sharedResampling(resampling, state);
  startHelper(blocks);
  takeBlocks(blocks);
  finishBlocks(blocks);
  return [...blocks.resampled];
}

/** The results do not depend on whether the thread starts, which a limit on threads may prevent, or fails. */
function startHelper(blocks: SharedResampling): void {
  try {
    const thread = new Worker(new URL('./resample-thread.js', import.meta.url), { workerData: blocks });
    thread.unref();
    thread.on('error', () => {});
  } catch {}
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
