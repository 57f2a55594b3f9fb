import { max } from 'simple-statistics';
import { UserError } from '../../shared/errors.js';
import { pyStrip } from '../../shared/python-strings.js';
import type { LoadedBenchmark, Question } from '../benchmark.js';
import type { PredictionRecord } from './prediction-record.js';
import { asks, normalizeQuestion, questionIn } from './question-text.js';

/** The rows that each prediction answers: none for an unknown question, several for a repeated one. */
export type JoinedRows = readonly (readonly number[])[];

/**
 * Matches predictions to a benchmark's rows like the official scripts: by question id, or by id and question if the id
 * is ambiguous. Ids are compared as strings, so 12 equals "12". Predictions without ids are matched by position if all
 * questions and correct answers agree, and otherwise by question.
 * @param path the predictions file, for messages
 * @throws UserError if it is ambiguous which questions are answered
 */
export function joinToRows(records: readonly PredictionRecord[], benchmark: LoadedBenchmark, path: string): JoinedRows {
  if (records.every(({ idKind }) => idKind === 'row')) return joinWithoutIds(records, benchmark, path);
  const candidates = rowFinder(benchmark);
  return shareOut(records, records.map(candidates), benchmark);
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
    const { id, idKind, prompt, row } = record;
    if (idKind === 'row') return [];
    if (idKind === 'image') return onlyRow(byImage().get(String(id)) ?? [], id);
    const key = toKey(String(id));
    const named = row === undefined ? undefined : questions[row];
    if (
      named &&
      toKey(String(named.questionId)) === key &&
      (prompt === null || asks(prompt, questionOf(named.index))) &&
      targetAgrees(record, named.index, benchmark)
    ) {
      return [named.index];
    }
    const own = byOwnId.get(String(id)) ?? byKey().get(key);
    const source = bySourceId().get(String(id));
    const rows = (idKind === 'source' ? (source ?? own) : (own ?? source)) ?? [];
    if (!needsQuestion && idKind !== 'source') return rows;
    if (prompt !== null && (needsQuestion || rows.length > 1)) return askedOf(rows, prompt);
    return idKind === 'source' ? agreeing(record, rows, benchmark) : onlyRow(rows, id);
  };
}

/** The rows with the correct answer that a record has; all of them if none has it. */
function agreeing(
  record: Pick<PredictionRecord, 'target'>,
  rows: readonly number[],
  benchmark: LoadedBenchmark,
): readonly number[] {
  const kept = rows.length < 2 ? rows : rows.filter((row) => targetAgrees(record, row, benchmark));
  return kept.length > 0 ? kept : rows;
}

/**
 * TextVQA and MME use the image's id, and OCR-VQA may use the book's; POPE's ids differ between editions. Source: LLaVA
 * eval_textvqa.py, LLaVA-HR eval_ocrvqa.py, convert_answer_to_mme.py of LLaVA's eval.zip.
 */
const BENCHMARKS_BY_QUESTION: ReadonlySet<string> = new Set(['textvqa', 'ocrvqa', 'mme', 'pope']);

const POPE_QUESTION = /\bis there an? .+ in the image/;

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

/**
 * Assigns records to rows with the same id and question: in order, if there are equally many of both and the correct
 * answers agree.
 */
function shareOut(
  records: readonly PredictionRecord[],
  candidates: readonly (readonly number[])[],
  benchmark: LoadedBenchmark,
): JoinedRows {
  const groups = new Map<string, number[]>(); // records by rows
  candidates.forEach((rows, i) => {
    if (rows.length < 2 || records[i]!.idKind !== 'source') return;
    const key = rows.join();
    const group = groups.get(key);
    if (group) group.push(i);
    else groups.set(key, [i]);
  });
  if (groups.size === 0) return candidates;
  const joined = [...candidates];
  for (const group of groups.values()) {
    const rows = candidates[group[0]!]!;
    const ordered = inOrder(records, group);
    if (!canPair(records, ordered, rows, benchmark)) continue;
    ordered.forEach((record, i) => {
      joined[record] = [rows[i]!];
    });
  }
  return joined;
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

/** @throws UserError if neither position nor question identifies the question a record answers */
function joinWithoutIds(records: readonly PredictionRecord[], benchmark: LoadedBenchmark, path: string): JoinedRows {
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
  if (isInPlace) return places.map((place) => (place < questions.length ? [place] : []));

  const part = partInOrder(records, benchmark, fits);
  if (part) return part.map((row) => [row]);
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
): JoinedRows {
  const { name, split, questions } = benchmark;
  if (records.some(({ prompt }) => prompt === null)) throw notInOrder(records, benchmark, path);
  const byQuestion = groupRows(questions, ({ index }) => questionOf(index));
  const candidates = records.map(({ prompt, target }): readonly number[] => {
    const rows = byQuestion.get(questionIn(prompt!)) ?? [];
    if (rows.length < 2) return rows;
    const whole = rows.filter((row) => asks(prompt!, contextOf(questions[row]!.text)));
    const kept = whole.length > 0 ? whole : rows;
    return agreeing({ target }, kept, benchmark);
  });
  const joined = shareOut(
    records.map((record) => ({ ...record, idKind: 'source' as const })),
    candidates,
    benchmark,
  );
  const open = joined.flatMap((rows, i) => (rows.length > 1 ? [i] : []));
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

/** Whether the correct answer in a record matches a row's. A list must contain every human answer. */
function targetAgrees(
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
  return (humanAnswers?.(row) ?? [right]).every((answer) => given.includes(comparable(answer)));
}

function comparable(text: string): string {
  return pyStrip(text).toLowerCase();
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
  throw new UserError(
    `The id ${JSON.stringify(id)} in the predictions is ambiguous: it has ${rows.length} questions. ` +
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
