import { min } from 'simple-statistics';
import { type ImageIndex, type Interval, percentileInterval, resampledScores } from './bootstrap.js';
import { clopperPearson } from './clopper-pearson.js';
import { type Column, evaluateFormula, type Formula, type WeightedSum } from './formula.js';

/** Below these the percentile bootstrap is too narrow: it cannot draw what was not seen. */
const FEW_IMAGES = 30;
const FEW_EVENTS = 10; // right or wrong answers, whichever are fewer

/** How `scoreInterval` makes intervals, for captions. */
export const INTERVAL_METHODS = 'bootstrap over images, or exact';

export interface ScoreInterval extends Interval {
  method: 'bootstrap' | 'clopper-pearson';
}

/**
 * 95 % interval of a score: percentile bootstrap over images; but for few images, few right or few wrong answers, and where
 * all resamples are alike, an exact binomial interval over the effective number of questions, which holds there.
 * @param of.sums resampled sums of the columns; null with fewer than two images
 * @param of.unit scores in percent end at 100, those in points at the sum of the formula's factors
 * @returns null when the score is not defined
 */
export function scoreInterval(
  formula: Formula,
  columns: readonly Column[],
  images: ImageIndex,
  { sums, unit }: { sums: readonly Float64Array[] | null; unit: 'percent' | 'points' },
): ScoreInterval | null {
  const score = evaluateFormula(formula, columns.map(columnSum(images.of.length)));
  const bootstrapped = sums && percentileInterval(resampledScores(sums, (row) => evaluateFormula(formula, row)));
  // All ratios are 0 to 1, but those of an average precision are not 1 together.
  const most = unit === 'percent' ? 100 : formula.terms.reduce((sum, { factor }) => sum + factor, 0);
  if (!Number.isFinite(score) || !(most > 0)) return bootstrapped && { ...bootstrapped, method: 'bootstrap' };
  const share = Math.min(1, Math.max(0, score / most));
  const isFlat = bootstrapped === null || bootstrapped.high - bootstrapped.low < 1e-9 * most;
  const effective = isSingleRatio(formula) ? effectiveSize(formula, columns, images, share) : null;
  const isRare = effective !== null && (effective.images < FEW_IMAGES || rarer(share, effective.n) < FEW_EVENTS);
  if (!isFlat && !isRare) return { ...bootstrapped, method: 'bootstrap' };
  const n = effective?.n ?? flatSize(formula, columns, images);
  const { low, high } = clopperPearson(share * n, n);
  return { low: low * most, high: high * most, method: 'clopper-pearson' };
}

const FLAT = 1e-9; // width of an interval that is none

/**
 * 95 % interval of the difference between two scores of the same questions: percentile bootstrap over images. Where all
 * resamples are alike, as between two models that are right on the same questions, an exact interval for scores in percent,
 * and none for scores in points.
 * @param drawn the difference in each resample
 * @param of.images number of them
 */
export function differenceInterval(
  difference: number,
  drawn: Float64Array,
  { images, unit }: { images: number; unit: 'percent' | 'points' },
): Interval | null {
  const interval = percentileInterval(drawn);
  if (interval === null || interval.high - interval.low > FLAT) return interval;
  return unit === 'points' ? null : flatDifferenceInterval(difference, images);
}

/** At most as many images as the exact interval allows may differ in any way. */
function flatDifferenceInterval(difference: number, images: number): Interval {
  const alike = clopperPearson(images, images).low;
  const [middle, margin] = [difference * alike, 100 * (1 - alike)];
  return { low: Math.max(-100, middle - margin), high: Math.min(100, middle + margin) };
}

/** Says which scores have an exact interval; null if all have a bootstrapped one. */
export function exactIntervalNote(names: readonly string[]): string | null {
  if (names.length === 0) return null;
  return (
    `The 95 % interval of ${names.join(', ')} is exact (Clopper-Pearson over images): with few images or few right or wrong ` +
    'answers the bootstrap is too narrow.'
  );
}

function rarer(share: number, n: number): number {
  return n * Math.min(share, 1 - share);
}

function isSingleRatio({ terms }: Formula): boolean {
  return terms.length === 1 && terms[0]!.ratios.length === 1;
}

/**
 * The number of independent questions that would tell as much as these, whose answers about one image are correlated: by the
 * variance of the ratio over images. With few images or no variance, each image counts once.
 * Source: Korn and Graubard, Survey Methodology 24, 1998
 */
function effectiveSize(
  { terms }: Formula,
  columns: readonly Column[],
  images: ImageIndex,
  share: number,
): { n: number; images: number } {
  const { numerator, denominator } = terms[0]!.ratios[0]!;
  const residuals = new Float64Array(images.count);
  const isCounted = new Uint8Array(images.count);
  let questions = 0;
  let total = 0;
  images.of.forEach((image, row) => {
    const whole = weighRow(denominator, columns, row);
    if (whole === 0) return;
    residuals[image]! += weighRow(numerator, columns, row) - share * whole;
    isCounted[image] = 1;
    questions++;
    total += whole;
  });
  const count = isCounted.reduce((sum, counted) => sum + counted, 0);
  const variance = (residuals.reduce((sum, residual) => sum + residual ** 2, 0) * count) / (count - 1) / total ** 2;
  if (count < FEW_IMAGES || !(variance > 0)) return { n: count, images: count };
  return { n: Math.min(questions, (share * (1 - share)) / variance), images: count };
}

/** For a sum of ratios all of which are at their end: a ratio over few questions hides the most. */
function flatSize({ terms }: Formula, columns: readonly Column[], images: ImageIndex): number {
  const wholes = terms.flatMap(({ ratios }) =>
    ratios.map(({ denominator }) => {
      let sum = 0;
      for (let row = 0; row < images.of.length; row++) sum += weighRow(denominator, columns, row);
      return sum;
    }),
  );
  const mean = wholes.reduce((sum, whole) => sum + whole, 0) / wholes.length;
  return Math.max(1, (images.count * min(wholes)) / mean);
}

function weighRow(sum: WeightedSum, columns: readonly Column[], row: number): number {
  let total = 0;
  for (const [place, weight] of sum) {
    const column = columns[place]!;
    total += weight * (typeof column === 'number' ? column : column[row]!);
  }
  return total;
}

function columnSum(questions: number): (column: Column) => number {
  return (column) => (typeof column === 'number' ? column * questions : column.reduce((sum, value) => sum + value, 0));
}
