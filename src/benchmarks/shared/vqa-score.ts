import { memoized } from '../../shared/memoized.js';
import type { Answers, Score } from '../benchmark.js';
import { meanStatistic, pick } from './statistics.js';
import type { VqaAnnotation } from './vqa-annotations.js';
import type { VqaScorer } from './vqa-eval.js';

/**
 * The mean of each scorer over all questions, in percent; for the headline also by answer and question type. Questions
 * without an answer count as wrong.
 * @param annotation of a question, by its index
 * @param scorers by name of the main score
 * @param part indices of the questions to score (default: all)
 */
export function vqaScore(
  annotation: (index: number) => VqaAnnotation,
  given: Answers,
  scorers: Readonly<Record<string, VqaScorer>>,
  headline: string,
  part?: readonly number[],
): Score {
  const answers = pick(given, part);
  const byScorer = Object.entries(scorers).map(([name, score]) => ({
    ...{ name, score },
    scores: new Array<number>(answers.length).fill(0),
  }));
  const perQuestion = byScorer.find(({ name }) => name === headline)!.scores;
  const types = breakdown(headline);
  answers.forEach((answer, i) => {
    const { human, answerType, questionType } = annotation(part?.[i] ?? i);
    if (answer !== null) for (const { score, scores } of byScorer) scores[i] = score(answer, human);
    types.add(answerType, questionType, perQuestion[i]!);
  });
  const mainScores = byScorer.map(({ name, scores }) => [name, percent(scores)] as const);
  return {
    headline,
    scores: { ...Object.fromEntries(mainScores), ...mapValues(types.scores, percent) },
    counts: {
      ...Object.fromEntries(mainScores.map(([name]) => [name, answers.length])),
      ...mapValues(types.scores, ({ length }) => length),
    },
    n: answers.length,
    failed: answers.filter((answer) => answer === null).length,
    unparsable: 0,
    perQuestion,
    statistics: Object.fromEntries(byScorer.map(({ name, scores }) => [name, meanStatistic(scores)])),
    notes: [],
  };
}

/** Collects question scores under names such as "accuracy/yes-no" and "accuracy/question-type/is there a". */
function breakdown(headline: string) {
  const scores = new Map<string, number[]>();
  const listOf = (name: string): number[] => {
    const list = scores.get(name) ?? [];
    scores.set(name, list);
    return list;
  };
  const ofAnswerType = memoized((type) => listOf(`${headline}/${type.replaceAll('/', '-')}`));
  const ofQuestionType = memoized((type) => listOf(`${headline}/question-type/${type}`));
  return {
    scores,
    add(answerType: string, questionType: string | null, score: number): void {
      ofAnswerType(answerType).push(score);
      if (questionType !== null) ofQuestionType(questionType).push(score);
    },
  };
}

function mapValues<T>(map: ReadonlyMap<string, T>, value: (entry: T) => number): Record<string, number> {
  return Object.fromEntries([...map].map(([name, entry]) => [name, value(entry)]));
}

/** Order of operations of vqaEval.py, which differs from `meanPercent`: a rounded score may depend on it. */
function percent(scores: readonly number[]): number {
  return (100 * scores.reduce((sum, score) => sum + score, 0)) / scores.length;
}
