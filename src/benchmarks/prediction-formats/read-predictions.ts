import { UserError } from '../../shared/errors.js';
import type { LoadedBenchmark } from '../benchmark.js';
import { ANSWERS_BY_ID } from './documents.js';
import type { PredictionRecord, PredictionRecords } from './prediction-record.js';
import { joinToRows } from './prediction-rows.js';
import { asks, questionIn, withoutOptions } from './question-text.js';
import { readPredictionRecords, unknownFormat } from './read-prediction-records.js';

/** The answers in a predictions file, in the order of the benchmark's rows. */
export interface PredictionSet {
  /** null where there is no prediction, or one that records a failure. */
  answers: (string | null)[];
  /** The file's format, for messages. */
  format: string;
  /** Ids, as in the file, of repeated answers to a question; the last one counts, as in the official scripts. */
  duplicates: (string | number)[];
  /** Ids, as in the file, of unknown questions, or of those that their prompts do not ask; they are ignored. */
  unknown: (string | number)[];
  /** Ids, as in the file, of answers that count although their prompt has another question than the id says. */
  otherPrompts: (string | number)[];
  /** Ids, as in the file, of answers that its order alone assigned to one of several questions that score alike. */
  byOrder: (string | number)[];
  /** Rows without a prediction. */
  missing: number[];
  /** A truncated last line that was skipped. */
  tornLine?: string;
}

/**
 * Reads answers to a benchmark's questions from any program.
 * @param path a file or folder in any of the formats of src/benchmarks/prediction-formats
 * @param options.allowTornLine skip a truncated last line instead of throwing an error
 * @param options.reading what `readPredictionRecords` gives, if it was called before the benchmark was there
 * @throws UserError if it cannot be read, or answers no question of this benchmark
 */
export async function readPredictionFile(
  path: string,
  benchmark: LoadedBenchmark,
  { allowTornLine = false, reading }: { allowTornLine?: boolean; reading?: Promise<PredictionRecords> } = {},
): Promise<PredictionSet> {
  const { format, records, tornLine } = await (reading ??
    readPredictionRecords(path, benchmark.name, { allowTornLine }));
  const { rows: joined, byOrder } = joinToRows(records, benchmark, path);
  const answers: (string | null)[] = benchmark.questions.map(() => null);
  const answered = new Uint8Array(answers.length);
  const duplicates = new Set<string | number>();
  const unknown = new Set<string | number>();
  const otherPrompts = new Set<string | number>();
  let count = 0;
  let echoes = 0;
  records.forEach(({ id, idKind, prompt, answer }, i) => {
    const rows = joined[i]!;
    if (rows.length === 0) unknown.add(id);
    const question = rows.length === 0 ? undefined : benchmark.questions[rows[0]!]!.text;
    const isJoinedById = idKind !== 'row' && question !== undefined; // others were joined by their prompts
    if (isJoinedById && prompt !== null && !asksFor(prompt, question)) otherPrompts.add(id);
    if (question !== undefined && answer !== null && isQuestion(answer, question)) echoes++;
    for (const row of rows) {
      if (answered[row]) duplicates.add(id);
      else count++;
      answered[row] = 1;
      answers[row] = answer;
    }
  });
  if (count === 0) {
    throw format === ANSWERS_BY_ID
      ? unknownFormat(path, 'JSON', Object.fromEntries(records.map(({ id }) => [id, 0])))
      : answersNothing(path, benchmark, format, records);
  }
  if (2 * echoes > count) {
    throw new UserError(
      `${path} has the questions of ${benchmark.name} where answers should be: it is a question or annotation file, not one ` +
        "with a model's answers.",
    );
  }
  const missing = answers.flatMap((_, row) => (answered[row] ? [] : [row]));
  return {
    answers,
    format,
    duplicates: [...duplicates],
    unknown: [...unknown],
    otherPrompts: [...otherPrompts],
    byOrder: byOrder.map((i) => records[i]!.id),
    missing,
    ...(tornLine === undefined ? {} : { tornLine }),
  };
}

function answersNothing(
  path: string,
  { name, split, questions }: LoadedBenchmark,
  format: string,
  records: readonly PredictionRecord[],
): UserError {
  const known = new Set(questions.map(({ questionId }) => String(questionId)));
  const ofOther = records.find(
    ({ id, idKind, prompt }) => idKind !== 'row' && prompt !== null && known.has(String(id)),
  );
  const shown = (ids: readonly (string | number)[]): string => ids.map((id) => JSON.stringify(id)).join(', ');
  const why = ofOther
    ? `It has ids of the benchmark, but not their questions: ${JSON.stringify(ofOther.id)} has ` +
      `${JSON.stringify(ofOther.prompt!.slice(0, SHOWN_CHARACTERS))}.`
    : `Its ids look like ${shown(records.slice(0, 3).map(({ id }) => id))}; the benchmark's look like ` +
      `${shown(questions.slice(0, 3).map(({ questionId }) => questionId))}.`;
  return new UserError(
    `${path} (${format}) answers none of the ${questions.length} questions of ${name} ${split}. ${why} Is it for a different ` +
      'benchmark or split?',
  );
}

const SHOWN_CHARACTERS = 80;

/** Whether a prompt asks a benchmark's question, in any wording around it and with its options in any form. */
function asksFor(prompt: string, question: string): boolean {
  return prompt === question || asks(prompt, withoutOptions(questionIn(question)));
}

/** Whether an answer is the question itself, with or without the instruction. */
function isQuestion(answer: string, question: string): boolean {
  return answer !== '' && (answer === question || question.startsWith(`${answer}\n`));
}
