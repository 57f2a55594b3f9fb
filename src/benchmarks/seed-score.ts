import type { Statistic } from '../results/statistics/formula.js';
import { MEAN_PERCENT } from '../results/statistics/formula.js';
import { pyStrip } from '../shared/python-strings.js';
import type { Answers, Protocol, Score } from './benchmark.js';
import { meanPercent } from './shared/statistics.js';

/** The fields of a question that the scorer needs. */
export interface SeedItem {
  /** As in SEED-Bench.json, where one id occurs twice. */
  id: string;
  dataType: 'image' | 'video';
  /** Name of the evaluation dimension. */
  dimension: string;
  /** A to D. */
  gold: string;
}

/** The text compared with the correct letter. Source: LLaVA convert_seed_for_submission.py; lmms-eval seedbench/utils.py */
export function seedLetter(answer: string, protocol: Protocol): string {
  if (protocol === 'llava') return answer;
  const [first] = pyStrip(answer);
  return (first ?? '').toUpperCase();
}

/**
 * The answer that LLaVA's script uses for each question: it stores answers by id, so the last answer counts for every
 * question with that id.
 */
export function predictedLetters(items: readonly SeedItem[], answers: Answers): (string | null)[] {
  const lastAnswer = new Map<string, string>();
  items.forEach(({ id }, index) => {
    const answer = answers[index] ?? null;
    if (answer !== null) lastAnswer.set(id, answer);
  });
  return items.map(({ id }) => lastAnswer.get(id) ?? null);
}

/** Accuracy over all questions, over those about images, over those about videos, and per evaluation dimension. */
export function scoreSeed(items: readonly SeedItem[], answers: Answers, protocol: Protocol): Score {
  const own = items.map(({ gold }, index) => isRight(answers[index] ?? null, gold, protocol));
  const predictions = protocol === 'llava' ? predictedLetters(items, answers) : answers;
  const perQuestion = items.map(({ gold }, index) => isRight(predictions[index] ?? null, gold, protocol));
  const types = (['image', 'video'] as const).filter((type) => items.some(({ dataType }) => dataType === type));
  const hasBoth = types.length === 2; // "accuracy" of one type would be another score

  const groups = new Map<string, (item: SeedItem) => boolean>();
  if (hasBoth) groups.set('accuracy', () => true);
  for (const type of types) groups.set(`seed_${type}`, ({ dataType }) => dataType === type);
  const dimensions = [...new Set(items.map(({ dimension }) => dimension))];
  const scores: Record<string, number> = {};
  const counts: Record<string, number> = {};
  const statistics: Record<string, Statistic> = {};
  for (const [name, isIn] of groups) {
    const members = perQuestion.filter((_, index) => isIn(items[index]!));
    scores[name] = meanPercent(members);
    counts[name] = members.length;
    statistics[name] = shareStatistic(perQuestion, items.map(isIn));
  }
  for (const dimension of dimensions) {
    const inDimension = perQuestion.filter((_, index) => items[index]!.dimension === dimension);
    scores[`${dimension}/accuracy`] = meanPercent(inDimension);
    counts[`${dimension}/accuracy`] = inDimension.length;
  }
  return {
    headline: hasBoth ? 'accuracy' : `seed_${types[0] ?? 'image'}`,
    scores,
    counts,
    n: items.length,
    failed: answers.filter((answer) => answer === null).length,
    unparsable: answers.filter((answer) => answer !== null && !/^[A-D]$/.test(seedLetter(answer, protocol))).length,
    perQuestion,
    statistics,
    notes: [
      ...(hasBoth ? [] : [otherTypeNote(types[0] ?? 'image')]),
      ...repeatedIdNotes(own, perQuestion),
      ...(protocol === 'llava' ? zeroDimensionNotes(items, answers, perQuestion, dimensions) : []),
    ],
  };
}

function isRight(answer: string | null, gold: string, protocol: Protocol): number {
  return answer !== null && seedLetter(answer, protocol) === gold ? 1 : 0;
}

/** Statistic for the mean over a group's questions, in percent. */
function shareStatistic(perQuestion: readonly number[], belongs: readonly boolean[]): Statistic {
  const counts = new Float64Array(2 * perQuestion.length);
  perQuestion.forEach((score, index) => {
    if (!belongs[index]) return;
    counts[2 * index] = score;
    counts[2 * index + 1] = 1;
  });
  return { width: 2, counts, formula: MEAN_PERCENT };
}

function otherTypeNote(type: 'image' | 'video'): string {
  const other = type === 'image' ? 'videos' : 'images';
  return `Questions about ${other} were not asked, so seed_${type} is not comparable with the papers' numbers.`;
}

function repeatedIdNotes(own: readonly number[], perQuestion: readonly number[]): string[] {
  if (own.every((score, index) => score === perQuestion[index])) return [];
  return [
    "One id occurs twice, and LLaVA's script uses the last answer for every question with the same id; with separate " +
      `answers the accuracy would be ${meanPercent(own).toFixed(4)}.`,
  ];
}

function zeroDimensionNotes(
  items: readonly SeedItem[],
  answers: Answers,
  perQuestion: readonly number[],
  dimensions: readonly string[],
): string[] {
  const dead = dimensions.filter((dimension) =>
    items.every((item, index) => item.dimension !== dimension || (perQuestion[index] === 0 && answers[index] !== null)),
  );
  return dead.map(
    (dimension) => `${dimension}: LLaVA's script crashes because no answer in this dimension is correct.`,
  );
}
