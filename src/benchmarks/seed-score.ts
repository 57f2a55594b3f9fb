import { MEAN_PERCENT } from '../results/statistics/formula.js';
import { pyStrip } from '../shared/python-strings.js';
import type { Answers, Protocol, Score, Statistic } from './benchmark.js';
import { meanPercent } from './shared/statistics.js';

/** What a scorer needs to know of a question. */
export interface SeedItem {
  /** As in SEED-Bench.json; one id is used twice there. */
  id: string;
  dataType: 'image' | 'video';
  /** Name of the evaluation dimension. */
  dimension: string;
  /** A to D. */
  gold: string;
}

/** What is compared with the right letter. Source: LLaVA convert_seed_for_submission.py; lmms-eval seedbench/utils.py */
export function seedLetter(answer: string, protocol: Protocol): string {
  if (protocol === 'llava') return answer;
  const [first] = pyStrip(answer);
  return (first ?? '').toUpperCase();
}

/**
 * The answer that LLaVA's script sees for each question: it keeps answers by id, so that the last one counts for all
 * questions of the id.
 */
export function predictedLetters(items: readonly SeedItem[], answers: Answers): (string | null)[] {
  const lastAnswer = new Map<string, string>();
  items.forEach(({ id }, row) => {
    const answer = answers[row] ?? null;
    if (answer !== null) lastAnswer.set(id, answer);
  });
  return items.map(({ id }) => lastAnswer.get(id) ?? null);
}

/** Accuracy over all questions, over those about images and about videos, and per evaluation dimension. */
export function scoreSeed(items: readonly SeedItem[], answers: Answers, protocol: Protocol): Score {
  const own = items.map(({ gold }, row) => isRight(answers[row] ?? null, gold, protocol));
  const predictions = protocol === 'llava' ? predictedLetters(items, answers) : answers;
  const perQuestion = items.map(({ gold }, row) => isRight(predictions[row] ?? null, gold, protocol));
  const types = (['image', 'video'] as const).filter((type) => items.some(({ dataType }) => dataType === type));

  const groups = new Map<string, (item: SeedItem) => boolean>();
  if (types.includes('video')) groups.set('accuracy', () => true);
  for (const type of types) groups.set(`seed_${type}`, ({ dataType }) => dataType === type);
  const dimensions = [...new Set(items.map(({ dimension }) => dimension))];
  const scores: Record<string, number> = {};
  const statistics: Record<string, Statistic> = {};
  for (const [name, isIn] of groups) {
    scores[name] = meanPercent(perQuestion.filter((_, row) => isIn(items[row]!)));
    statistics[name] = shareStatistic(perQuestion, items.map(isIn));
  }
  for (const dimension of dimensions) {
    const inDimension = perQuestion.filter((_, row) => items[row]!.dimension === dimension);
    scores[`${dimension}/accuracy`] = meanPercent(inDimension);
  }
  return {
    headline: types.includes('video') ? 'accuracy' : 'seed_image',
    scores,
    n: items.length,
    failed: answers.filter((answer) => answer === null).length,
    unparsable: answers.filter((answer) => answer !== null && !/^[A-D]$/.test(seedLetter(answer, protocol))).length,
    perQuestion,
    statistics,
    notes: [
      ...(types.includes('video')
        ? []
        : ["No question about videos was asked: seed_image is not comparable with the papers' number."]),
      ...repeatedIdNotes(own, perQuestion),
      ...(protocol === 'llava' ? deadDimensionNotes(items, answers, perQuestion, dimensions) : []),
    ],
  };
}

function isRight(answer: string | null, gold: string, protocol: Protocol): number {
  return answer !== null && seedLetter(answer, protocol) === gold ? 1 : 0;
}

/** The mean in percent over those questions that belong to a group. */
function shareStatistic(perQuestion: readonly number[], belongs: readonly boolean[]): Statistic {
  const counts = new Float64Array(2 * perQuestion.length);
  perQuestion.forEach((score, row) => {
    if (!belongs[row]) return;
    counts[2 * row] = score;
    counts[2 * row + 1] = 1;
  });
  return { width: 2, counts, formula: MEAN_PERCENT };
}

function repeatedIdNotes(own: readonly number[], perQuestion: readonly number[]): string[] {
  if (own.every((score, row) => score === perQuestion[row])) return [];
  return [
    "LLaVA's script takes the last answer for all questions of an id, and one id is used twice; with its own answer for " +
      `each question the accuracy would be ${meanPercent(own).toFixed(4)}.`,
  ];
}

function deadDimensionNotes(
  items: readonly SeedItem[],
  answers: Answers,
  perQuestion: readonly number[],
  dimensions: readonly string[],
): string[] {
  const dead = dimensions.filter((dimension) =>
    items.every((item, row) => item.dimension !== dimension || (perQuestion[row] === 0 && answers[row] !== null)),
  );
  return dead.map((dimension) => `${dimension}: LLaVA's script stops with an error where no answer is right.`);
}
