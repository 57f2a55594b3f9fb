import type { Statistic } from '../../results/statistics/formula.js';
import { MEAN_PERCENT } from '../../results/statistics/formula.js';
import type { Answers, Score } from '../benchmark.js';

/** The elements of a list at the given positions (default: all). */
export function pick<T>(list: readonly T[], places: readonly number[] | undefined): readonly T[] {
  return places === undefined ? list : places.map((place) => list[place]!);
}

/** The scores that do not belong to a breakdown. */
export function mainScores({ scores }: Pick<Score, 'scores'>): Record<string, number> {
  return Object.fromEntries(Object.entries(scores).filter(([name]) => !name.includes('/')));
}

/** Statistic for the mean of question scores, in percent. @param perQuestion 0 to 1 */
export function meanStatistic(perQuestion: readonly number[]): Statistic {
  const counts = new Float64Array(2 * perQuestion.length);
  perQuestion.forEach((score, i) => {
    counts[2 * i] = score;
    counts[2 * i + 1] = 1;
  });
  return { width: 2, counts, formula: MEAN_PERCENT };
}

/** Mean in percent, with the official scripts' order of operations; 0 when there are no scores. */
export function meanPercent(scores: readonly number[]): number {
  return scores.length === 0 ? 0 : 100 * (scores.reduce((sum, score) => sum + score, 0) / scores.length);
}

/** Column sums of [questions, width]. */
export function columnSums(counts: Float64Array, width: number): Float64Array {
  const sums = new Float64Array(width);
  counts.forEach((count, i) => {
    sums[i % width]! += count;
  });
  return sums;
}

/** The score of a benchmark whose only metric is the mean over its questions, called "accuracy". */
export function accuracyScore(
  all: Answers,
  scoreOne: (index: number, answer: string) => number,
  part?: readonly number[],
): Score {
  const answers = pick(all, part);
  const perQuestion = answers.map((answer, i) => (answer === null ? 0 : scoreOne(part?.[i] ?? i, answer)));
  return {
    headline: 'accuracy',
    scores: { accuracy: meanPercent(perQuestion) },
    counts: { accuracy: answers.length },
    n: answers.length,
    failed: answers.filter((answer) => answer === null).length,
    unparsable: 0,
    perQuestion,
    statistics: { accuracy: meanStatistic(perQuestion) },
    notes: [],
  };
}
