import type { Statistic } from '../results/statistics/formula.js';
import { evaluateFormula, type Formula, percentOf, type Ratio } from '../results/statistics/formula.js';
import type { Answers, Score } from './benchmark.js';
import { processAnswer } from './shared/evalai-answer-processor.js';

/** Columns of the counts: true positives, false positives, unanswerable questions, all questions. */
const WIDTH = 4;
const [HITS, FALSE_ALARMS, UNANSWERABLE, QUESTIONS] = [0, 1, 2, 3];

const F1 = percentOf(
  [[HITS, 2]],
  [
    [HITS, 1],
    [FALSE_ALARMS, 1],
    [UNANSWERABLE, 1],
  ],
  'zero',
);

const RECALL: Ratio = { numerator: [[HITS, 1]], denominator: [[UNANSWERABLE, 1]] };
const PRECISION: Ratio = {
  numerator: [[HITS, 1]],
  denominator: [
    [HITS, 1],
    [FALSE_ALARMS, 1],
  ],
};
/** The remaining recall, times the share of unanswerable questions. */
const MISSED: Ratio = {
  numerator: [
    [UNANSWERABLE, 1],
    [HITS, -1],
  ],
  denominator: [[QUESTIONS, 1]],
};

/** The precision-recall curve has two steps: recall times precision, then the remaining recall times the base rate. */
const AVERAGE_PRECISION: Formula = {
  terms: [
    { factor: 100, ratios: [RECALL, PRECISION] },
    { factor: 100, ratios: [MISSED] },
  ],
  zeroByZero: 'zero',
};

/**
 * VizWiz's second task, detecting unanswerable questions: average precision and F1 of the unanswerable class. The task
 * expects a confidence per question; an answer gives only 0 or 1.
 *
 * Sources: VQAEval.evaluate_unanswerability of VizWiz's Python API, with scikit-learn's average_precision_score and
 * f1_score. Treats the answer "unanswerable" as the prediction, as the evaluation of Prismatic VLMs does.
 * @param isAnswerable by question index
 */
export function answerabilityScores(
  isAnswerable: readonly boolean[],
  answers: Answers,
): Pick<Score, 'scores' | 'statistics'> {
  const counts = new Float64Array(WIDTH * answers.length);
  const sums = new Float64Array(WIDTH);
  answers.forEach((answer, i) => {
    const predicted = answer !== null && processAnswer(answer) === 'unanswerable';
    const actual = !isAnswerable[i];
    const row = [predicted && actual, predicted && !actual, actual, true].map(Number);
    counts.set(row, WIDTH * i);
    row.forEach((count, column) => {
      sums[column]! += count;
    });
  });
  const statistics: Record<string, Statistic> = {
    'answerability-average-precision': { width: WIDTH, counts, formula: AVERAGE_PRECISION },
    'answerability-f1': { width: WIDTH, counts, formula: F1 },
  };
  const scores = Object.entries(statistics).map(
    ([name, { formula }]) => [name, evaluateFormula(formula, sums)] as const,
  );
  return { scores: Object.fromEntries(scores), statistics };
}
