import type { Formula, Statistic, Term } from '../results/statistics/formula.js';
import { pyStrip } from '../shared/python-strings.js';
import type { Answers, Protocol, Score } from './benchmark.js';
import { MME_TASKS } from './mme-files.js';
import { columnSums, pick } from './shared/statistics.js';

/** The fields of a question that the scorer needs. */
export interface MmeItem {
  task: string;
  image: string;
  gold: 'yes' | 'no';
}

type Verdict = 'yes' | 'no' | 'other';

/** Indices of two questions; just one at the end of a subtask with an odd number of questions. */
type Pair = readonly number[];

/** Columns of a subtask's counts. */
const COLUMN = { correct: 0, questions: 1, pairsRight: 2, pairs: 3 } as const;
const TASK_WIDTH = 4;

const TASKS: readonly string[] = [...MME_TASKS.perception, ...MME_TASKS.cognition];
const WIDTH = TASKS.length * TASK_WIDTH;

/** Main scores and the subtasks whose points they sum, in the order of calculation.py. */
const TOTALS: Record<string, readonly string[]> = { ...MME_TASKS, total: TASKS };

/**
 * Whether an answer means yes or no, judged by its first four characters: "know" and "Norway" mean no, "Answer: yes" means
 * neither. Source: MME eval_tool calculation.py; lmms-eval mme/utils.py
 */
export function mmeVerdict(answer: string, protocol: Protocol): Verdict {
  const lower = answer.toLowerCase();
  if (protocol === 'llava') return verdictOfPrefix(lower);
  const cleaned = pyStrip(lower).replaceAll('.', '');
  if (cleaned === 'y') return 'yes';
  return cleaned === 'n' ? 'no' : verdictOfPrefix(cleaned);
}

function verdictOfPrefix(text: string): Verdict {
  const prefix = [...text].slice(0, 4).join('');
  if (prefix.includes('yes')) return 'yes';
  return prefix.includes('no') ? 'no' : 'other';
}

/**
 * Scores MME answers: a subtask is worth 100 points for the share of correct questions plus 100 for the share of correct
 * pairs. A pair is two consecutive questions of a subtask, as in calculation.py; in lmms-eval, the two of an image.
 * @param part indices of the questions to score (default: all). Pairs are formed from all questions; an incomplete one is excluded.
 */
export function scoreMme(
  allItems: readonly MmeItem[],
  allAnswers: Answers,
  protocol: Protocol,
  part?: readonly number[],
): Score {
  const items = pick(allItems, part);
  const answers = pick(allAnswers, part);
  const verdicts = answers.map((answer) => (answer === null ? null : mmeVerdict(answer, protocol)));
  const perQuestion = items.map(({ gold }, index) => (verdicts[index] === gold ? 1 : 0));
  const allPairs = protocol === 'llava' ? consecutivePairs(allItems) : imagePairs(allItems);
  const pairs = part ? wholePairs(allPairs, part) : allPairs;
  // lmms-eval does not score a question without its pair.
  const isCounted = part && protocol === 'lmms-eval' ? pairedQuestions(pairs, items.length) : null;
  const counts = countsOf(items, perQuestion, pairs, isCounted);
  const sums = columnSums(counts, WIDTH);
  const asked = TASKS.filter((task) => taskColumns(sums, task)[COLUMN.questions]! > 0);
  const scored = asked.filter((task) => taskColumns(sums, task)[COLUMN.pairs]! > 0);

  const scores: Record<string, number> = {};
  const questionCounts: Record<string, number> = {};
  const statistics: Record<string, Statistic> = {};
  for (const [name, tasks] of Object.entries(TOTALS)) {
    const added = tasks.filter((task) => scored.includes(task));
    if (part && added.length < tasks.length) continue; // a sum of fewer would be another score
    scores[name] = total(sums, added, protocol);
    questionCounts[name] = questionsIn(sums, added);
    if (added.length > 0) statistics[name] = { width: WIDTH, counts, formula: pointsFormula(added, protocol) };
  }
  // Summed from the two scores rather than from all subtasks: the last digit may differ.
  if ('total' in scores) scores['total'] = scores['perception']! + scores['cognition']!;
  for (const task of asked) {
    const columns = taskColumns(sums, task);
    if (columns[COLUMN.pairs]! > 0) scores[`${task}/score`] = taskPoints(columns, protocol);
    scores[`${task}/accuracy`] = 100 * (columns[COLUMN.correct]! / columns[COLUMN.questions]!);
    if (columns[COLUMN.pairs]! > 0) {
      scores[`${task}/accuracy-plus`] = 100 * (columns[COLUMN.pairsRight]! / columns[COLUMN.pairs]!);
    }
    for (const name of ['score', 'accuracy', 'accuracy-plus']) {
      if (`${task}/${name}` in scores) questionCounts[`${task}/${name}`] = columns[COLUMN.questions]!;
    }
  }
  return {
    headline: 'perception' in scores ? 'perception' : null,
    scores,
    counts: questionCounts,
    points: [...Object.keys(TOTALS), ...asked.map((task) => `${task}/score`)].filter((name) => name in scores),
    n: items.length,
    failed: verdicts.filter((verdict) => verdict === null).length,
    unparsable: verdicts.filter((verdict) => verdict === 'other').length,
    perQuestion,
    statistics,
    notes: [
      ...missingTaskNotes(asked, part !== undefined),
      ...(part ? halfPairNotes(allPairs, pairs, part) : []),
      ...pairNotes(items, perQuestion, pairs, asked, protocol),
      ...brokenLineNotes(answers),
    ],
  };
}

function consecutivePairs(items: readonly MmeItem[]): Pair[] {
  return TASKS.flatMap((task) => {
    const indices = items.flatMap((item, index) => (item.task === task ? [index] : []));
    return Array.from({ length: Math.ceil(indices.length / 2) }, (_, i) => indices.slice(2 * i, 2 * i + 2));
  });
}

function imagePairs(items: readonly MmeItem[]): Pair[] {
  const indicesOf = new Map<string, number[]>();
  items.forEach(({ image }, index) => {
    indicesOf.set(image, [...(indicesOf.get(image) ?? []), index]);
  });
  return [...indicesOf.values()];
}

/** Pairs whose questions are both in the part, as positions in it. */
function wholePairs(pairs: readonly Pair[], part: readonly number[]): Pair[] {
  const placeOf = new Map(part.map((index, place) => [index, place]));
  return pairs
    .filter((pair) => pair.every((index) => placeOf.has(index)))
    .map((pair) => pair.map((index) => placeOf.get(index)!));
}

function pairedQuestions(pairs: readonly Pair[], length: number): boolean[] {
  const isPaired = new Array<boolean>(length).fill(false);
  for (const index of pairs.flat()) isPaired[index] = true;
  return isPaired;
}

function questionsIn(sums: ArrayLike<number>, tasks: readonly string[]): number {
  return tasks.reduce((sum, task) => sum + taskColumns(sums, task)[COLUMN.questions]!, 0);
}

/** [questions, WIDTH]; a pair's counts are stored with its first question. */
function countsOf(
  items: readonly MmeItem[],
  perQuestion: readonly number[],
  pairs: readonly Pair[],
  isCounted: readonly boolean[] | null = null,
): Float64Array {
  const counts = new Float64Array(items.length * WIDTH);
  const add = (index: number, column: keyof typeof COLUMN, count: number): void => {
    counts[index * WIDTH + TASKS.indexOf(items[index]!.task) * TASK_WIDTH + COLUMN[column]]! += count;
  };
  perQuestion.forEach((correct, index) => {
    if (isCounted && !isCounted[index]) return;
    add(index, 'correct', correct);
    add(index, 'questions', 1);
  });
  for (const pair of pairs) {
    add(pair[0]!, 'pairs', 1);
    if (pair.length === 2 && pair.every((index) => perQuestion[index] === 1)) add(pair[0]!, 'pairsRight', 1);
  }
  return counts;
}

function taskColumns(sums: ArrayLike<number>, task: string): number[] {
  const first = TASKS.indexOf(task) * TASK_WIDTH;
  return Array.from({ length: TASK_WIDTH }, (_, column) => sums[first + column]!);
}

function total(sums: ArrayLike<number>, tasks: readonly string[], protocol: Protocol): number {
  return tasks.reduce((points, task) => points + taskPoints(taskColumns(sums, task), protocol), 0);
}

/** `total` as a formula; undefined for a resample that lacks a subtask. */
function pointsFormula(tasks: readonly string[], protocol: Protocol): Formula {
  const rate = (task: string, factor: number, part: keyof typeof COLUMN, whole: keyof typeof COLUMN): Term => {
    const first = TASKS.indexOf(task) * TASK_WIDTH;
    const ratio = { numerator: [[first + COLUMN[part], 1]], denominator: [[first + COLUMN[whole], 1]] } as const;
    return { factor, ratios: [ratio] };
  };
  const terms = tasks.flatMap((task) => [
    protocol === 'lmms-eval' ? rate(task, 50, 'correct', 'pairs') : rate(task, 100, 'correct', 'questions'),
    rate(task, 100, 'pairsRight', 'pairs'),
  ]);
  return { terms, zeroByZero: 'nothing' };
}

/** 0 to 200. The two tools round differently in the last digit. */
function taskPoints(columns: readonly number[], protocol: Protocol): number {
  const correct = columns[COLUMN.correct]!;
  const right = columns[COLUMN.pairsRight]!;
  const pairs = columns[COLUMN.pairs]!;
  if (protocol === 'lmms-eval') return (50 * correct + 100 * right) / pairs;
  return (correct / columns[COLUMN.questions]!) * 100 + (right / pairs) * 100;
}

function missingTaskNotes(asked: readonly string[], isPart: boolean): string[] {
  const missing = TASKS.filter((task) => !asked.includes(task));
  if (missing.length === 0) return [];
  return isPart
    ? [`Sums that need these subtasks are omitted, since none of their questions were answered: ${missing.join(', ')}.`]
    : [`Sums exclude these subtasks, none of whose questions were asked: ${missing.join(', ')}.`];
}

function halfPairNotes(allPairs: readonly Pair[], whole: readonly Pair[], part: readonly number[]): string[] {
  const isIn = new Set(part);
  const half = allPairs.filter((pair) => pair.some((index) => isIn.has(index))).length - whole.length;
  if (half === 0) return [];
  return [`${half} pairs have only one of their two questions answered; accuracy-plus excludes them.`];
}

function pairNotes(
  items: readonly MmeItem[],
  perQuestion: readonly number[],
  pairs: readonly Pair[],
  asked: readonly string[],
  protocol: Protocol,
): string[] {
  const notes: string[] = [];
  const incomplete = pairs.filter(({ length }) => length !== 2);
  if (incomplete.length > 0) {
    const tasks = [...new Set(incomplete.map(([index]) => items[index!]!.task))].join(', ');
    notes.push(`${tasks}: incomplete pairs count as wrong; the official script would abort.`);
  }
  const mixed = pairs.filter((pair) => pair.some((index) => items[index]!.image !== items[pair[0]!]!.image)).length;
  if (mixed > 0) {
    const sums = columnSums(countsOf(items, perQuestion, imagePairs(items)), WIDTH);
    const perception = total(
      sums,
      MME_TASKS.perception.filter((task) => asked.includes(task)),
      protocol,
    );
    notes.push(
      `Consecutive questions form a pair, as in calculation.py, but ${mixed} pairs mix two images. With pairs by image, ` +
        `perception would be ${perception.toFixed(2)}.`,
    );
  }
  return notes;
}

function brokenLineNotes(answers: Answers): string[] {
  const broken = answers.filter((answer) => answer !== null && /[\t\r\n]/.test(answer)).length;
  if (broken === 0) return [];
  return [
    `${broken} answers contain a tab or a line break, which would corrupt the official tool's files. They are scored ` +
      'unchanged; in mme-results, spaces replace these characters.',
  ];
}
