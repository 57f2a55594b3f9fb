import type { Answers, Score } from '../benchmark.js';
import { meanStatistic, pick } from './statistics.js';
import type { VqaAnnotation } from './vqa-annotations.js';
import type { VqaScorer } from './vqa-eval.js';

/**
 * The mean of each scorer over all questions, in percent; for the headline also by answer and question type. Questions
 * without an answer count as wrong.
 * @param scorers by name of the main score
 * @param part indices of the questions to score (default: all)
 */
export function vqaScore(
  all: readonly VqaAnnotation[],
  given: Answers,
  scorers: Readonly<Record<string, VqaScorer>>,
  headline: string,
  part?: readonly number[],
): Score {
  const rows = pick(all, part);
  const answers = pick(given, part);
  const byScorer = new Map(Object.keys(scorers).map((name) => [name, new Array<number>(answers.length).fill(0)]));
  answers.forEach((answer, i) => {
    if (answer === null) return;
    for (const [name, scores] of byScorer) scores[i] = scorers[name]!(answer, rows[i]!.human);
  });
  const perQuestion = byScorer.get(headline)!;
  const mainScores = [...byScorer].map(([name, scores]) => [name, percent(scores)] as const);
  const parts = breakdown(rows, perQuestion, headline);
  return {
    headline,
    scores: { ...Object.fromEntries(mainScores), ...mapValues(parts, percent) },
    counts: {
      ...Object.fromEntries(mainScores.map(([name]) => [name, answers.length])),
      ...mapValues(parts, ({ length }) => length),
    },
    n: answers.length,
    failed: answers.filter((answer) => answer === null).length,
    unparsable: 0,
    perQuestion,
    statistics: Object.fromEntries([...byScorer].map(([name, scores]) => [name, meanStatistic(scores)])),
    notes: [],
  };
}

/** Scores such as "accuracy/yes-no" and "accuracy/question-type/is there a". */
function breakdown(
  rows: readonly VqaAnnotation[],
  perQuestion: readonly number[],
  headline: string,
): Map<string, number[]> {
  const byType = new Map<string, number[]>();
  const add = (name: string, score: number): void => {
    const scores = byType.get(name);
    if (scores) scores.push(score);
    else byType.set(name, [score]);
  };
  rows.forEach(({ answerType, questionType }, i) => {
    add(`${headline}/${answerType.replaceAll('/', '-')}`, perQuestion[i]!);
    if (questionType !== null) add(`${headline}/question-type/${questionType}`, perQuestion[i]!);
  });
  return byType;
}

function mapValues<T>(map: ReadonlyMap<string, T>, value: (entry: T) => number): Record<string, number> {
  return Object.fromEntries([...map].map(([name, entry]) => [name, value(entry)]));
}

/** Order of operations of vqaEval.py, which differs from `meanPercent`: a rounded score may depend on it. */
function percent(scores: readonly number[]): number {
  return (100 * scores.reduce((sum, score) => sum + score, 0)) / scores.length;
}
