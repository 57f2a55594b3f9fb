import { bisect } from './bisect.js';
import { DETECTION_QUANTILE, SIGNIFICANCE_QUANTILE } from './significance.js';

/**
 * Questions with which McNemar's test at the 5 % level finds a difference between two models with a power of 80 %, if the
 * models answer the same independent questions.
 * Source: Connor, Biometrics 43, 1987, equation for the paired design with a known share of discordant pairs.
 * @param difference between the accuracies, above 0, at most `disagreement`
 * @param disagreement share of the questions that exactly one of the models answers correctly
 */
export function questionsToDetect(difference: number, disagreement: number): number {
  const underNone = SIGNIFICANCE_QUANTILE * Math.sqrt(disagreement);
  const underThis = DETECTION_QUANTILE * Math.sqrt(disagreement - difference ** 2);
  return ((underNone + underThis) / difference) ** 2;
}

/**
 * The smallest difference that `questions` questions detect, by `questionsToDetect`.
 * @returns a difference of accuracies, at most `disagreement`; null if even that is not detected
 */
export function detectableByQuestions(questions: number, disagreement: number): number | null {
  const takesMore = (difference: number): boolean => questionsToDetect(difference, disagreement) > questions;
  return takesMore(disagreement) ? null : bisect({ low: 0, high: disagreement }, takesMore).high;
}
