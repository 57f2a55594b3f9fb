import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { quantileSorted } from 'simple-statistics';

const RESAMPLES = 2000;
const COVERAGE = 0.95;

/** A mean over questions with its 95 % confidence interval, in the unit of the scores. */
export interface Estimate {
  mean: number;
  low: number;
  high: number;
}

/** What belongs together, per question: the image's name. Questions without an image (null) stand alone. */
export type Clusters = readonly (string | number | null)[];

export interface BootstrapOptions {
  seed: number;
  resamples?: number; // default 2000
}

/**
 * Percentile bootstrap of the mean over questions. Whole images are drawn, not questions: questions about one image fail
 * together, and an interval that ignores this is too narrow.
 * @returns null with fewer than two images, when there is nothing to draw from
 */
export function bootstrapInterval(
  scores: readonly number[],
  clusters: Clusters,
  { seed, resamples = RESAMPLES }: BootstrapOptions,
): Estimate | null {
  const { sums, sizes } = sumByCluster(scores, clusters);
  if (sums.length < 2) return null;
  const random = xoroshiro128plus(seed);
  const means = new Float64Array(resamples).map(() => {
    let sum = 0;
    let size = 0;
    for (let drawn = 0; drawn < sums.length; drawn++) {
      const cluster = uniformInt(random, 0, sums.length - 1);
      sum += sums[cluster]!;
      size += sizes[cluster]!;
    }
    return sum / size;
  });
  const sorted = [...means.sort()];
  return {
    mean: scores.reduce((sum, score) => sum + score, 0) / scores.length,
    low: quantileSorted(sorted, (1 - COVERAGE) / 2),
    high: quantileSorted(sorted, (1 + COVERAGE) / 2),
  };
}

/**
 * The interval of any score that follows from sums over questions, by the same resampling of whole images.
 * @param counts [questions, width], row-major: what each question adds to the sums
 * @param value the score from the columns' sums; resamples in which it is not finite are left out
 * @returns null with fewer than two images
 */
export function bootstrapStatistic(
  counts: Float64Array,
  width: number,
  value: (sums: ArrayLike<number>) => number,
  clusters: Clusters,
  { seed, resamples = RESAMPLES }: BootstrapOptions,
): { low: number; high: number } | null {
  const columns = Array.from({ length: width }, (_, column) =>
    sumByCluster(
      Array.from(clusters, (_cluster, row) => counts[row * width + column]!),
      clusters,
    ),
  );
  const images = columns[0]?.sums.length ?? 0;
  if (images < 2) return null;
  const random = xoroshiro128plus(seed);
  const sums = new Float64Array(width);
  const values: number[] = [];
  for (let resample = 0; resample < resamples; resample++) {
    sums.fill(0);
    for (let drawn = 0; drawn < images; drawn++) {
      const image = uniformInt(random, 0, images - 1);
      for (let column = 0; column < width; column++) sums[column]! += columns[column]!.sums[image]!;
    }
    const drawnValue = value(sums);
    if (Number.isFinite(drawnValue)) values.push(drawnValue);
  }
  if (values.length === 0) return null;
  values.sort((a, b) => a - b);
  return { low: quantileSorted(values, (1 - COVERAGE) / 2), high: quantileSorted(values, (1 + COVERAGE) / 2) };
}

/**
 * The same for the difference b - a of two models on the same questions: both see the same resample, so that what
 * makes a question hard for both cancels out.
 */
export function pairedBootstrap(
  a: readonly number[],
  b: readonly number[],
  clusters: Clusters,
  options: BootstrapOptions,
): Estimate | null {
  if (a.length !== b.length) throw new Error(`${a.length} scores cannot be paired with ${b.length}`);
  return bootstrapInterval(
    b.map((score, i) => score - a[i]!),
    clusters,
    options,
  );
}

function sumByCluster(scores: readonly number[], clusters: Clusters): { sums: number[]; sizes: number[] } {
  if (scores.length !== clusters.length) throw new Error(`${scores.length} scores, but ${clusters.length} clusters`);
  const places = new Map<string | number, number>();
  const sums: number[] = [];
  const sizes: number[] = [];
  scores.forEach((score, i) => {
    const cluster = clusters[i]!;
    let place = cluster === null ? undefined : places.get(cluster);
    if (place === undefined) {
      place = sums.push(0) - 1;
      sizes.push(0);
      if (cluster !== null) places.set(cluster, place);
    }
    sums[place]! += score;
    sizes[place]!++;
  });
  return { sums, sizes };
}
