import type { Answers, Score, Statistic } from './benchmark.js';
import { processAnswer } from './evalai-answer-processor.js';

/** Columns of the counts, in this order. */
const WIDTH = 4; // found unanswerable and is; found unanswerable and is not; is unanswerable; question

/**
 * VizWiz's second task, telling which questions cannot be answered: average precision and F1 of the unanswerable class.
 * The task wants a confidence for each question; a model that only answers has none but 0 and 1.
 *
 * Sources: VQAEval.evaluate_unanswerability of VizWiz's Python API, with scikit-learn's average_precision_score and
 * f1_score; the answer "unanswerable" as the prediction, as in the evaluation of Prismatic VLMs.
 * @param isAnswerable by row
 */
export function answerabilityScores(
  isAnswerable: readonly boolean[],
  answers: Answers,
): Pick<Score, 'scores' | 'statistics'> {
  const counts = new Float64Array(WIDTH * answers.length);
  const sums = new Float64Array(WIDTH);
  answers.forEach((answer, i) => {
    const found = answer !== null && processAnswer(answer) === 'unanswerable';
    const is = !isAnswerable[i];
    const row = [found && is, found && !is, is, true].map(Number);
    counts.set(row, WIDTH * i);
    row.forEach((count, column) => {
      sums[column]! += count;
    });
  });
  const statistics: Record<string, Statistic> = {
    'answerability-average-precision': { width: WIDTH, counts, value: averagePrecision },
    'answerability-f1': { width: WIDTH, counts, value: f1 },
  };
  const scores = Object.entries(statistics).map(([name, { value }]) => [name, value(sums)] as const);
  return { scores: Object.fromEntries(scores), statistics };
}

/** The precision-recall curve has two steps: the questions found unanswerable, then all. */
function averagePrecision(sums: ArrayLike<number>): number {
  const [hits, falseAlarms, unanswerable, questions] = Array.from(sums) as [number, number, number, number];
  if (unanswerable === 0) return 0;
  const recall = hits / unanswerable;
  const precision = hits === 0 ? 0 : hits / (hits + falseAlarms);
  return 100 * (recall * precision + (1 - recall) * (unanswerable / questions));
}

function f1(sums: ArrayLike<number>): number {
  const [hits, falseAlarms, unanswerable] = Array.from(sums) as [number, number, number];
  const all = hits + falseAlarms + unanswerable;
  return all === 0 ? 0 : (100 * 2 * hits) / all;
}
