import { UserError } from '../../shared/errors.js';
import type { LoadedBenchmark } from '../benchmark.js';
import { agreeing, areOfOneImage, type Joined, shareOut, targetAgrees } from './equal-questions.js';
import type { PredictionRecord } from './prediction-record.js';
import { asks, normalizeQuestion, questionIn } from './question-text.js';
import { groupRows, memoizedByRow } from './rows-of-questions.js';

/**
 * Matches records by position if all of them fit there, or in one part of the benchmark, and otherwise by question.
 * @throws UserError if neither position nor question identifies the question a record answers
 */
export function joinWithoutIds(records: readonly PredictionRecord[], benchmark: LoadedBenchmark, path: string): Joined {
  const { questions } = benchmark;
  const questionOf = memoizedByRow((row) => questionIn(questions[row]!.text));
  const fits = (record: PredictionRecord, row: number): boolean =>
    (record.prompt === null || asks(record.prompt, questionOf(row))) && targetAgrees(record, row, benchmark);
  const places = records.map(({ id }) => Number(id));
  const hasAnswer = (row: number): boolean => row < questions.length && benchmark.gold(row) !== null;
  const isCheckable = records.some(
    ({ prompt, target }, i) => prompt !== null || (target !== undefined && hasAnswer(places[i]!)),
  );
  if (!isCheckable) throw nothingToMatch(benchmark, path);
  const isInPlace = records.every((record, i) => places[i]! >= questions.length || fits(record, places[i]!));
  if (isInPlace) return { rows: places.map((place) => (place < questions.length ? [place] : [])), byOrder: [] };

  const part = partInOrder(records, benchmark, fits);
  if (part) return { rows: part.map((row) => [row]), byOrder: [] };
  return joinByQuestion(records, benchmark, path, questionOf);
}

/**
 * Matches records with one part of the benchmark in order: a category, such as one of POPE's files, or the questions
 * with an image, which other tools treat as separate benchmarks.
 */
function partInOrder(
  records: readonly PredictionRecord[],
  { questions, category }: LoadedBenchmark,
  fits: (record: PredictionRecord, row: number) => boolean,
): readonly number[] | null {
  if (records.some(({ prompt }) => prompt === null)) return null;
  const parts = [
    ...groupRows(questions, ({ index }) => category?.(index) ?? '').values(),
    questions.filter(({ image }) => image !== null).map(({ index }) => index),
    ...groupRows(questions, ({ image }) => image?.split('/', 1)[0] ?? '').values(),
  ];
  const matching = parts.filter(
    (rows) => rows.length === records.length && records.every((record, i) => fits(record, rows[i]!)),
  );
  return new Set(matching.map((rows) => rows.join())).size === 1 ? matching[0]! : null;
}

/** A prompt without its last line, the instruction. */
function contextOf(prompt: string): string {
  return normalizeQuestion(prompt.slice(0, Math.max(0, prompt.lastIndexOf('\n'))));
}

function joinByQuestion(
  records: readonly PredictionRecord[],
  benchmark: LoadedBenchmark,
  path: string,
  questionOf: (row: number) => string,
): Joined {
  const { name, split, questions } = benchmark;
  if (records.some(({ prompt }) => prompt === null)) throw notInOrder(records, benchmark, path);
  const byQuestion = groupRows(questions, ({ index }) => questionOf(index));
  const contexts = memoizedByRow((row) => contextOf(questions[row]!.text));
  const candidatesOf = (record: PredictionRecord): readonly number[] => {
    const rows = byQuestion.get(questionIn(record.prompt!)) ?? [];
    if (rows.length < 2) return rows;
    const prompt = normalizeQuestion(record.prompt!);
    const whole = rows.filter((row) => prompt.includes(contexts(row)));
    return agreeing(record, whole.length > 0 ? whole : rows, benchmark);
  };
  // VQAv2 asks one question thousands of times: records that say the same of it are compared with its rows only once.
  const known = new Map<string, readonly number[]>();
  const candidates = records.map((record) => {
    const { prompt, target, image, categories } = record;
    const key = JSON.stringify([prompt, target, image, categories]);
    const rows = known.get(key) ?? candidatesOf(record);
    known.set(key, rows);
    return rows;
  });
  const joined = shareOut(records, candidates, benchmark);
  const open = joined.rows.flatMap((rows, i) => (rows.length > 1 && !areOfOneImage(rows, benchmark) ? [i] : []));
  if (open.length === 0) return joined;
  const [first] = open;
  throw new UserError(
    `${path} has no ids, and ${open.length} of its ${records.length} questions occur several times in ${name} ` +
      `${split}, such as ${JSON.stringify(questionIn(records[first!]!.prompt!))}, so the answers cannot be assigned. ` +
      "Use a file with the benchmark's ids, or with all questions in the benchmark's order.",
  );
}

/** The error for records that say nothing about their questions: another order would give another score without a word. */
function nothingToMatch({ name, split }: LoadedBenchmark, path: string): UserError {
  return new UserError(
    `${path} has neither ids nor questions nor correct answers, so that its rows cannot be matched to the questions of ` +
      `${name} ${split}. Use a file that has the benchmark's ids.`,
  );
}

/** The error for records that can only be matched by position. */
function notInOrder(records: readonly PredictionRecord[], { name, split, questions }: LoadedBenchmark, path: string) {
  const wrong = records.find(({ id, prompt }) => {
    const question = questions[Number(id)];
    return question && prompt !== null && !asks(prompt, questionIn(question.text));
  });
  const row = wrong?.id ?? records[0]?.id;
  return new UserError(
    `Row ${row} of ${path} has a different question than row ${row} of ${name} ${split}: the file is in a different order or ` +
      'for a different split, and has no ids to match the questions by.',
  );
}
