import { memoized } from '../../shared/memoized.js';
import { pyStrip } from '../../shared/python-strings.js';
import type { LoadedBenchmark } from '../benchmark.js';
import type { PredictionRecord } from './prediction-record.js';
import { questionIn } from './question-text.js';

/*
 * Benchmarks ask the same question about several images. What a file says besides the question tells which row an answer is to.
 */

/** Which questions the predictions answer. */
export interface Joined {
  /** The rows that each prediction answers: none for an unknown question, several for a repeated one. */
  rows: readonly (readonly number[])[];
  /** Predictions that the file's order alone assigned to one of several rows that score alike. */
  byOrder: readonly number[];
}

/** The rows with the category, the image and the correct answer that a record has; each is ignored if no row has it. */
export function agreeing(
  record: PredictionRecord,
  rows: readonly number[],
  benchmark: LoadedBenchmark,
): readonly number[] {
  const { questions } = benchmark;
  const { image } = record;
  let kept = rows;
  const narrow = (fits: (row: number) => boolean): void => {
    const fitting = kept.length < 2 ? [] : kept.filter(fits);
    if (fitting.length > 0) kept = fitting;
  };
  narrow((row) => isOfCategory(record, row, benchmark));
  if (image !== undefined) narrow((row) => imageName(questions[row]!.image ?? '') === imageName(image));
  narrow((row) => targetAgrees(record, row, benchmark));
  return kept;
}

/** Whether a row is of one of the categories that a record has; true if there are none. */
export function isOfCategory({ categories }: PredictionRecord, row: number, { category }: LoadedBenchmark): boolean {
  return categories === undefined || category === undefined || categories.includes(category(row));
}

/** An image's file name without its folders and extension, which differ between editions. */
function imageName(path: string): string {
  return path
    .split('/')
    .at(-1)!
    .replace(/\.\w+$/, '');
}

/**
 * Assigns the records of ambiguous questions in order, if there are as many of them as rows, or as rows that no other record
 * answers, and the correct answers agree. Nothing says that the order is the benchmark's, so this is done only where it makes
 * no difference: among rows about one image, or rows that score alike.
 */
export function shareOut(
  records: readonly PredictionRecord[],
  candidates: readonly (readonly number[])[],
  benchmark: LoadedBenchmark,
): Joined {
  const groups = new Map<string, number[]>(); // records by rows
  candidates.forEach((rows, i) => {
    if (rows.length < 2 || records[i]!.idKind === 'question') return;
    const key = rows.join();
    const group = groups.get(key);
    if (group) group.push(i);
    else groups.set(key, [i]);
  });
  if (groups.size === 0) return { rows: candidates, byOrder: [] };
  const taken = new Set(candidates.flatMap((rows) => (rows.length === 1 ? rows : [])));
  const joined = [...candidates];
  const byOrder: (readonly number[])[] = [];
  for (const group of groups.values()) {
    const rows = candidates[group[0]!]!;
    const isOneImage = areOfOneImage(rows, benchmark);
    if (!isOneImage && !scoreAlike(rows, benchmark)) continue;
    const free = rows.filter((row) => !taken.has(row));
    const shared = free.length === group.length ? free : rows;
    const ordered = inOrder(records, group);
    if (!canPair(records, ordered, shared, benchmark)) continue;
    if (!isOneImage) byOrder.push(group);
    ordered.forEach((record, i) => {
      joined[record] = [shared[i]!];
    });
  }
  return { rows: joined, byOrder: byOrder.flat() };
}

/** Whether rows ask one question about one image, so that an answer to one of them answers all. */
export function areOfOneImage(rows: readonly number[], { questions }: LoadedBenchmark): boolean {
  const [first, ...others] = rows.map((row) => questions[row]!);
  const question = questionIn(first!.text);
  return others.every(
    ({ image, text }) => image === first!.image && (text === first!.text || questionIn(text) === question),
  );
}

/**
 * Whether the same answers give the same main score however they are shared out among rows. Some count in no score, as GQA's
 * that are not balanced, or not in the main one, as ScienceQA's without an image.
 */
function scoreAlike(rows: readonly number[], benchmark: LoadedBenchmark): boolean {
  const { questions, gold, humanAnswers, category, isScoredInGroups, scoreOne } = benchmark;
  if (isScoredInGroups) return false;
  const keys = rows.map((row) => {
    const right = gold(row);
    const counts = [questions[row]!.image !== null, right !== null && scoreOne(row, right) !== null];
    return JSON.stringify([right, category?.(row), ...counts, [...(humanAnswers?.(row) ?? [])].sort()]);
  });
  return gold(rows[0]!) !== null && new Set(keys).size === 1;
}

/** Indices of records, sorted by row number if they have one, otherwise in file order. */
function inOrder(records: readonly PredictionRecord[], group: readonly number[]): readonly number[] {
  const rowOf = (i: number): number => records[i]!.row ?? Number(records[i]!.idKind === 'row' ? records[i]!.id : i);
  return [...group].sort((a, b) => rowOf(a) - rowOf(b));
}

function canPair(
  records: readonly PredictionRecord[],
  group: readonly number[],
  rows: readonly number[],
  benchmark: LoadedBenchmark,
): boolean {
  return (
    group.length === rows.length && group.every((record, i) => targetAgrees(records[record]!, rows[i]!, benchmark))
  );
}

/** Whether the correct answer in a record matches a row's. A list must contain every human answer. */
export function targetAgrees(
  { target }: Pick<PredictionRecord, 'target'>,
  row: number,
  { gold, humanAnswers }: LoadedBenchmark,
): boolean {
  if (target === undefined) return true;
  const right = gold(row);
  if (right === null) return true;
  const [given, own] = [comparable(target), comparable(right)];
  if (given === own || own.startsWith(`${given}. `)) return true;
  if (!given.startsWith('[')) return humanAnswers?.(row).some((answer) => comparable(answer) === given) ?? false;
  const list = wordsOfList(target);
  return (humanAnswers?.(row) ?? [right]).every((answer) => list.includes(wordsOf(answer)));
}

/** Letters and digits alone, between spaces: quotation marks are also what a list has between texts. */
const wordsOf = memoized((text) => ` ${text.toLowerCase()} `.replace(/[^\p{L}\p{N}]+/gu, ' '));

/** The same of a list as Python's `repr` or JSON writes it, with escapes. */
const wordsOfList = memoized((list) => wordsOf(unescaped(list)));

function unescaped(list: string): string {
  return list.replace(/\\(?:u([\da-fA-F]{4})|x([\da-fA-F]{2})|(.))/gs, (_, four?: string, two?: string, other = '') => {
    const code = four ?? two;
    return code === undefined ? other.replace(/[nrt]/, ' ') : String.fromCharCode(Number.parseInt(code, 16));
  });
}

function comparable(text: string): string {
  return pyStrip(text).toLowerCase();
}
