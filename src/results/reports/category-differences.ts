import type { QuestionScores } from '../runs/question-scores.js';
import { type Interval, indexImages, resampledScores, resampleSums } from '../statistics/bootstrap.js';
import { differenceInterval } from '../statistics/score-interval.js';

/** Difference between two runs on one category. */
export interface CategoryDifference {
  category: string;
  questions: number;
  /** Mean score of the second run minus the first, in percent, with its 95 % interval; null with a single image. */
  difference: (Interval & { mean: number }) | null;
}

const PERCENT = 100;

/**
 * Differences by category, paired by question and resampled by image, in the order in which categories first appear.
 * @param categories category of each question; questions without one (null) or without a score are skipped
 */
export function categoryDifferences(
  first: QuestionScores,
  second: QuestionScores,
  categories: readonly (string | null)[],
): CategoryDifference[] {
  const rows = new Map<string, number[]>();
  categories.forEach((category, row) => {
    if (category === null || first.scores[row] === null || second.scores[row] === null) return;
    const known = rows.get(category);
    if (known) known.push(row);
    else rows.set(category, [row]);
  });
  return [...rows].map(([category, own]) => ({
    category,
    questions: own.length,
    difference: meanDifference(first, second, own),
  }));
}

function meanDifference(
  first: QuestionScores,
  second: QuestionScores,
  rows: readonly number[],
): CategoryDifference['difference'] {
  const differences = Float64Array.from(rows, (row) => second.scores[row]! - first.scores[row]!);
  const images = indexImages(rows.map((row) => first.imageNames[row]!));
  const sums = resampleSums([differences, 1], images);
  const inPercent = (row: ArrayLike<number>): number => PERCENT * (row[0]! / row[1]!);
  const mean = inPercent([differences.reduce((sum, difference) => sum + difference, 0), rows.length]);
  const drawn = sums && resampledScores(sums, inPercent);
  const interval = drawn && differenceInterval(mean, drawn, { images: images.count, unit: 'percent' });
  return interval && { mean, ...interval };
}
