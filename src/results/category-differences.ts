import { type Estimate, pairedBootstrap } from './bootstrap.js';
import type { QuestionScores } from './compare.js';

/** How much better a run is than another on one category. */
export interface CategoryDifference {
  category: string;
  questions: number;
  /** Mean score of the second run less that of the first, in percent, with its 95 % interval; null with a single image. */
  difference: Estimate | null;
}

const SEED = 1; // any: but the same each time, so that a plot can be made again
const PERCENT = 100;

/**
 * Differences by category, paired by question and resampled by image, in the order in which categories first appear.
 * @param categories of the questions; those without (null) are left out
 */
export function categoryDifferences(
  first: QuestionScores,
  second: QuestionScores,
  categories: readonly (string | null)[],
): CategoryDifference[] {
  const rows = new Map<string, number[]>();
  categories.forEach((category, row) => {
    if (category === null) return;
    const known = rows.get(category);
    if (known) known.push(row);
    else rows.set(category, [row]);
  });
  return [...rows].map(([category, own]) => ({
    category,
    questions: own.length,
    difference: pairedBootstrap(
      own.map((row) => PERCENT * first.scores[row]!),
      own.map((row) => PERCENT * second.scores[row]!),
      own.map((row) => first.clusters[row]!),
      { seed: SEED },
    ),
  }));
}
