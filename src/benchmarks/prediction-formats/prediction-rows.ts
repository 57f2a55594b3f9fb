import { max } from 'simple-statistics';
import { UserError } from '../../shared/errors.js';
import type { LoadedBenchmark, Question } from '../benchmark.js';
import { agreeing, areOfOneImage, isOfCategory, type Joined, shareOut, targetAgrees } from './equal-questions.js';
import type { PredictionRecord } from './prediction-record.js';
import { asks, normalizeQuestion, questionIn } from './question-text.js';

/**
 * Matches predictions to a benchmark's rows like the official scripts: by question id, or by id and question if the id
 * is ambiguous. Ids are compared as strings, so 12 equals "12". Predictions without ids are matched by position if all
 * questions and correct answers agree, and otherwise by question.
 * @param path the predictions file, for messages
 * @throws UserError if it is ambiguous which questions are answered
 */
export function joinToRows(records: readonly PredictionRecord[], benchmark: LoadedBenchmark, path: string): Joined {
  if (records.every(({ idKind }) => idKind === 'row')) return joinWithoutIds(records, benchmark, path);
  const joined = shareOut(records, records.map(rowFinder(benchmark)), benchmark);
  if (benchmark.name === 'seed') return joined; // LLaVA's script counts an answer for every row of its id
  joined.rows.forEach((rows, i) => {
    const { id, idKind } = records[i]!;
    if (idKind === 'source' && rows.length > 1 && !areOfOneImage(rows, benchmark)) throw ambiguous(id, rows.length);
  });
  return joined;
}

/** The rows that an id and a prompt can refer to; several if they are ambiguous. */
function rowFinder(benchmark: LoadedBenchmark): (record: PredictionRecord) => readonly number[] {
  const { questions } = benchmark;
  const toKey = CANONICAL_IDS[benchmark.name] ?? ((id) => id);
  const byOwnId = groupRows(questions, ({ questionId }) => String(questionId));
  const byKey = lazy(() => groupRows(questions, ({ questionId }) => toKey(String(questionId))));
  const bySourceId = lazy(() =>
    benchmark.sourceId ? groupRows(questions, ({ index }) => String(benchmark.sourceId!(index))) : new Map(),
  );
  const byImage = lazy(() => groupRows(questions, ({ image }) => image ?? ''));
  const questionOf = memoized((row) => questionIn(questions[row]!.text));
  const needsQuestion = BENCHMARKS_BY_QUESTION.has(benchmark.name);

  /** Selects the rows whose question is in the prompt. */
  const askedOf = (rows: readonly number[], prompt: string): readonly number[] => {
    const exact = rows.filter((row) => questions[row]!.text === prompt);
    if (exact.length > 0) return exact;
    const question = questionIn(prompt);
    const same = rows.filter((row) => questionOf(row) === question);
    if (same.length > 0) return same;
    const within = rows.filter((row) => asks(prompt, questionOf(row)));
    if (within.length > 0) return longest(within, questionOf);
    // eval_pope.py accepts any wording, but a different object means a different edition's question.
    return benchmark.name === 'pope' && rows.length === 1 && !POPE_QUESTION.test(question) ? rows : [];
  };

  return (record) => {
    const { idKind, prompt, row } = record;
    if (idKind === 'row') return [];
    const id = byOwnId.has(String(record.id)) ? String(record.id) : withoutFraction(String(record.id));
    const key = toKey(id);
    if (idKind === 'image') {
      // lmms-eval's uploads have ids for images: "VizWiz_val_00000012.jpg.jpg", and OK-VQA's "2971475.jpg"
      const rows = byImage().get(id) ?? byKey().get(key) ?? [];
      return onlyRow(
        rows.filter((row) => !isOfOtherSplit(id, questions[row]!)),
        record.id,
      );
    }
    const placed = row === undefined ? undefined : questions[row];
    if (
      placed &&
      toKey(String(placed.questionId)) === key &&
      !isOfOtherSplit(id, placed) &&
      isOfCategory(record, placed.index, benchmark) &&
      (prompt === null || asks(prompt, questionOf(placed.index))) &&
      targetAgrees(record, placed.index, benchmark)
    ) {
      return [placed.index];
    }
    const own = byOwnId.get(id) ?? byKey().get(key);
    const source = bySourceId().get(id);
    const named: readonly number[] = (idKind === 'source' ? (source ?? own) : (own ?? source)) ?? [];
    const rows = named.filter((row) => !isOfOtherSplit(id, questions[row]!));
    if (!needsQuestion && idKind !== 'source') return rows;
    if (prompt !== null && (needsQuestion || rows.length > 1))
      return agreeing(record, askedOf(rows, prompt), benchmark);
    return idKind === 'source' ? agreeing(record, rows, benchmark) : onlyRow(rows, record.id);
  };
}

/**
 * TextVQA and MME use the image's id, and OCR-VQA may use the book's; POPE's ids differ between editions, and VizWiz's
 * numbers are the same in all splits. Source: LLaVA
 * eval_textvqa.py, LLaVA-HR eval_ocrvqa.py, convert_answer_to_mme.py of LLaVA's eval.zip.
 */
const BENCHMARKS_BY_QUESTION: ReadonlySet<string> = new Set(['textvqa', 'ocrvqa', 'mme', 'pope', 'vizwiz']);

const POPE_QUESTION = /\bis there an? .+ in the image/;

/** "12" for "12.0", as pandas writes a column of numbers that lacked one. */
function withoutFraction(id: string): string {
  return id.replace(/^(\d+)\.0$/, '$1');
}

/** Whether an id is the name of an image of another split than the question's: VizWiz numbers each split from 0. */
function isOfOtherSplit(id: string, { image, questionId }: Question): boolean {
  const split = /^VizWiz_[a-z]+_/.exec(id)?.[0];
  const name = image ?? String(questionId);
  return split !== undefined && name.startsWith('VizWiz_') && !name.startsWith(split);
}

/** Normalises ids that differ between files. */
const CANONICAL_IDS: Record<string, (id: string) => string> = {
  // "artwork/images/10002.jpg" in LLaVA's question file, "10002.txt" or "10002.jpg" in artwork.txt of MME's results
  mme: (id) => `${id.split('/')[0]}/${id.split('/').at(-1)!.split('.')[0]}`,
  // the book's key and the question's number; an answer file may have only the key, since the prompt has the question
  ocrvqa: (id) => id.replace(/-\d+$/, ''),
  // 0 in LLaVA's question file, "v1_0" in mm-vet.json
  mmvet: (id) => id.replace(/^v1_/, ''),
  // 12 in LLaVA's question file; elsewhere image names, to which lmms-eval appends ".jpg"
  vizwiz: (id) => id.replace(/^VizWiz_[a-z]+_0*(\d+)(?:\.jpg)*$/, '$1'),
  // lmms-eval writes "2971475.jpg"
  okvqa: (id) => id.replace(/\.jpg$/, ''),
};

/** @throws UserError if neither position nor question identifies the question a record answers */
function joinWithoutIds(records: readonly PredictionRecord[], benchmark: LoadedBenchmark, path: string): Joined {
  const { questions } = benchmark;
  const questionOf = memoized((row) => questionIn(questions[row]!.text));
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
  const contexts = memoized((row) => contextOf(questions[row]!.text));
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

function groupRows(questions: readonly Question[], keyOf: (question: Question) => string): Map<string, number[]> {
  const rows = new Map<string, number[]>();
  for (const question of questions) {
    const key = keyOf(question);
    const group = rows.get(key);
    if (group) group.push(question.index);
    else rows.set(key, [question.index]);
  }
  return rows;
}

function longest(rows: readonly number[], questionOf: (row: number) => string): number[] {
  const length = max(rows.map((row) => questionOf(row).length));
  return rows.filter((row) => questionOf(row).length === length);
}

function onlyRow(rows: readonly number[], id: string | number): readonly number[] {
  if (rows.length <= 1) return rows;
  throw ambiguous(id, rows.length);
}

function ambiguous(id: string | number, count: number): UserError {
  return new UserError(
    `The id ${JSON.stringify(id)} in the predictions is ambiguous: it has ${count} questions. ` +
      'Use a file with prompts, such as the one LLaVA writes.',
  );
}

function memoized(compute: (row: number) => string): (row: number) => string {
  const known: string[] = [];
  return (row) => {
    known[row] ??= compute(row);
    return known[row]!;
  };
}

function lazy<T>(make: () => T): () => T {
  let value: { made: T } | null = null;
  return () => {
    value ??= { made: make() };
    return value.made;
  };
}
