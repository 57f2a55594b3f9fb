import type { LoadedBenchmark, Question } from '../../src/benchmarks/benchmark.js';
import { meanPercent, meanStatistic, pick } from '../../src/benchmarks/shared/statistics.js';
import { noImages } from '../../src/datasets/no-images.js';

/** A benchmark of a few questions whose right answer is "yes", for tests of what goes around scoring. */
export function smallBenchmark(name: string, questions: readonly Partial<Question>[]): LoadedBenchmark {
  const scoreOne = (_index: number, answer: string): number => (answer === 'yes' ? 1 : 0);
  return {
    name,
    split: 'test',
    questions: questions.map((question, index) => ({ index, questionId: index, image: null, text: '', ...question })),
    images: noImages('nowhere'),
    maxNewTokens: 1,
    files: [],
    protocol: {},
    gold: () => 'yes',
    scoreOne,
    score(all, part) {
      const answers = pick(all, part);
      const perQuestion = answers.map((answer, index) => (answer === null ? 0 : scoreOne(index, answer)));
      return {
        headline: 'accuracy',
        scores: { accuracy: meanPercent(perQuestion), 'accuracy/first': 100 * perQuestion[0]! },
        counts: { accuracy: answers.length, 'accuracy/first': 1 },
        n: answers.length,
        failed: answers.filter((answer) => answer === null).length,
        unparsable: 0,
        perQuestion,
        statistics: { accuracy: meanStatistic(perQuestion) },
        notes: ['of all'],
      };
    },
    submission: () => [],
  };
}
