import type { Statistic } from './benchmark.js';

/** The mean of the questions' scores in percent. @param perQuestion 0 to 1 */
export function meanStatistic(perQuestion: readonly number[]): Statistic {
  const counts = new Float64Array(2 * perQuestion.length);
  perQuestion.forEach((score, i) => {
    counts[2 * i] = score;
    counts[2 * i + 1] = 1;
  });
  return { width: 2, counts, value: (sums) => 100 * (sums[0]! / sums[1]!) };
}

/** Mean in percent, in the order of operations of the official scripts; 0 for no scores. */
export function meanPercent(scores: readonly number[]): number {
  return scores.length === 0 ? 0 : 100 * (scores.reduce((sum, score) => sum + score, 0) / scores.length);
}
