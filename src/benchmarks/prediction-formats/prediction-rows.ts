import { UserError } from '../../shared/errors.js';
import { pySplit } from '../../shared/python-strings.js';
import type { LoadedBenchmark, Question } from '../benchmark.js';
import type { PredictionRecord } from './prediction-record.js';

/** Rows that a prediction answers: none for a question the benchmark has not, several where one is there twice. */
export type FindRows = (record: PredictionRecord) => readonly number[];

/**
 * Joins predictions to a benchmark's rows as the official scripts do: by question id, or by id and question where the id
 * alone does not tell. Ids are compared as texts, so 12 is "12".
 */
export function rowFinder(benchmark: LoadedBenchmark): FindRows {
  const { questions } = benchmark;
  const toKey = CANONICAL_IDS[benchmark.name] ?? ((id) => id);
  const keyOf = (id: string | number): string => toKey(String(id));
  const byId = groupRows(questions, ({ questionId }) => keyOf(questionId));
  const byOwnId = groupRows(questions, ({ questionId }) => String(questionId));
  const byImage = groupRows(questions, ({ image }) => image ?? '');
  const byQuestion = groupRows(questions, ({ questionId, text }) => withQuestion(keyOf(questionId), text));
  const needsQuestion = BENCHMARKS_BY_QUESTION.has(benchmark.name);

  return (record) => {
    const { id, prompt } = record;
    if (record.idKind === 'row') return namedRow(benchmark, Number(id), prompt);
    if (record.idKind === 'image') return onlyRow(byImage.get(String(id)) ?? [], id);

    const key = keyOf(id);
    const named = record.row === undefined ? undefined : questions[record.row];
    if (named && keyOf(named.questionId) === key && (prompt === null || asks(prompt, named))) return [named.index];
    if (needsQuestion && prompt !== null) {
      const alike = byQuestion.get(withQuestion(key, prompt)) ?? [];
      const same = alike.filter((row) => questions[row]!.text === prompt);
      return same.length > 0 ? same : alike;
    }
    const rows = byOwnId.get(String(id)) ?? byId.get(key) ?? [];
    return needsQuestion ? onlyRow(rows, id) : rows;
  };
}

/**
 * The id is the image's in TextVQA and MME and may be the book's in OCR-VQA; in POPE it names another question in another
 * edition. Source: LLaVA eval_textvqa.py, LLaVA-HR eval_ocrvqa.py, convert_answer_to_mme.py of LLaVA's eval.zip.
 */
const BENCHMARKS_BY_QUESTION: ReadonlySet<string> = new Set(['textvqa', 'ocrvqa', 'mme', 'pope']);

/** What a question's id is whichever file it stands in. */
const CANONICAL_IDS: Record<string, (id: string) => string> = {
  // "artwork/images/10002.jpg" in LLaVA's question file, "10002.txt" or "10002.jpg" in artwork.txt among MME's results
  mme: (id) => `${id.split('/')[0]}/${id.split('/').at(-1)!.split('.')[0]}`,
  // the book's key and a question's place; an answer file may have the key alone, as the question is in the prompt
  ocrvqa: (id) => id.replace(/-\d+$/, ''),
  // 0 in LLaVA's question file, "v1_0" in mm-vet.json
  mmvet: (id) => id.replace(/^v1_/, ''),
  // 12 in LLaVA's question file, where there are only names of images elsewhere
  vizwiz: (id) => id.replace(/^VizWiz_[a-z]+_0*(\d+)\.jpg$/, '$1'),
};

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

function withQuestion(key: string, prompt: string): string {
  return JSON.stringify([key, normalizeQuestion(questionIn(prompt))]);
}

/** @throws UserError when the prompt shows that the row is another question: then all rows may be others */
function namedRow({ name, split, questions }: LoadedBenchmark, row: number, prompt: string | null): readonly number[] {
  const question = questions[row];
  if (question === undefined) return [];
  if (prompt === null || asks(prompt, question)) return [row];
  throw new UserError(
    `Row ${row} of the predictions asks another question than row ${row} of ${name} ${split} here: they are in another ` +
      'order or of another split, and have no ids to find the questions by.',
  );
}

/** Whether a prompt has the question in it; another tool may have put other words around. */
function asks(prompt: string, { text }: Question): boolean {
  return normalizeQuestion(prompt).includes(normalizeQuestion(questionIn(text)));
}

function onlyRow(rows: readonly number[], id: string | number): readonly number[] {
  if (rows.length <= 1) return rows;
  throw new UserError(
    `The predictions name ${JSON.stringify(id)}, about which there are ${rows.length} questions, without saying which. ` +
      'Give a file that has the prompts, such as the one LLaVA writes.',
  );
}

/** The question in a prompt, with OCR tokens before or behind it. Source: LLaVA eval_textvqa.py, prompt_processor */
function questionIn(prompt: string): string {
  if (prompt.startsWith('OCR tokens: ')) return /Question: (.*?) Short answer:/s.exec(prompt)?.[1] ?? prompt;
  const [first, second] = prompt.split('\n');
  return first!.startsWith('Reference OCR token:') ? (second ?? '') : first!;
}

/**
 * Without what differs between files: MME's own questions ask for yes or no behind one space or two, LLaVA's question
 * file does not; POPE's misspelt "imange" was corrected later.
 */
function normalizeQuestion(text: string): string {
  const lower = text.toLowerCase().replaceAll('please answer yes or no.', ' ').replaceAll('imange', 'image');
  return pySplit(lower).join(' ');
}
