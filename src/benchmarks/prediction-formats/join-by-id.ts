import { max } from 'simple-statistics';
import { UserError } from '../../shared/errors.js';
import type { LoadedBenchmark, Question } from '../benchmark.js';
import { agreeing, areOfOneImage, isOfCategory, type Joined, shareOut, targetAgrees } from './equal-questions.js';
import type { PredictionRecord } from './prediction-record.js';
import { asks, questionIn } from './question-text.js';
import { groupRows, memoizedByRow } from './rows-of-questions.js';

/** Matches records by id, and by prompt where several questions share one. @throws UserError if an id is ambiguous */
export function joinById(records: readonly PredictionRecord[], benchmark: LoadedBenchmark): Joined {
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
  const questionOf = memoizedByRow((row) => questionIn(questions[row]!.text));
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
    const given = String(record.id);
    const id = byOwnId.has(given) ? given : withoutFraction(given);
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
 * numbers are the same in all splits. Source: LLaVA eval_textvqa.py, LLaVA-HR eval_ocrvqa.py, convert_answer_to_mme.py of
 * LLaVA's eval.zip.
 */
const BENCHMARKS_BY_QUESTION: ReadonlySet<string> = new Set(['textvqa', 'ocrvqa', 'mme', 'pope', 'vizwiz']);

const POPE_QUESTION = /\bis there an? .+ in the image/;

/** "12" for "12.0", as pandas writes a column of numbers that lacked one. */
function withoutFraction(id: string): string {
  return id.replace(/^(\d+)\.0$/, '$1');
}

/** Whether an id is the name of an image of another split than the question's: VizWiz numbers each split from 0. */
function isOfOtherSplit(id: string, { image, questionId }: Question): boolean {
  if (!id.startsWith('VizWiz_')) return false;
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

/** The rows with the longest question: of two in one prompt, the shorter may be part of the longer. */
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

function lazy<T>(make: () => T): () => T {
  let value: { made: T } | null = null;
  return () => {
    value ??= { made: make() };
    return value.made;
  };
}
