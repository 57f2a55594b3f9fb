import { UserError } from '../../shared/errors.js';
import type { LoadedBenchmark } from '../benchmark.js';
import { ANSWERS_BY_ID } from './documents.js';
import type { PredictionRecords } from './prediction-record.js';
import { joinToRows } from './prediction-rows.js';
import { readPredictionRecords, unknownFormat } from './read-prediction-records.js';

/** The answers in a predictions file, in the order of the benchmark's rows. */
export interface PredictionSet {
  /** null where there is no prediction, or one that records a failure. */
  answers: (string | null)[];
  /** The file's format, for messages. */
  format: string;
  /** Ids, as in the file, of repeated answers to a question; the last one counts, as in the official scripts. */
  duplicates: (string | number)[];
  /** Ids, as in the file, of unknown questions; they are ignored. */
  unknown: (string | number)[];
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
  const joined = joinToRows(records, benchmark, path);
  const answers: (string | null)[] = benchmark.questions.map(() => null);
  const answered = new Uint8Array(answers.length);
  const duplicates = new Set<string | number>();
  const unknown = new Set<string | number>();
  let count = 0;
  records.forEach(({ id, answer }, i) => {
    const rows = joined[i]!;
    if (rows.length === 0) unknown.add(id);
    for (const row of rows) {
      if (answered[row]) duplicates.add(id);
      else count++;
      answered[row] = 1;
      answers[row] = answer;
    }
  });
  if (count === 0) {
    if (format === ANSWERS_BY_ID)
      throw unknownFormat(path, 'JSON', Object.fromEntries(records.map(({ id }) => [id, 0])));
    const ids = records.slice(0, 3).map(({ id }) => JSON.stringify(id));
    const wanted = benchmark.questions.slice(0, 3).map(({ questionId }) => JSON.stringify(questionId));
    throw new UserError(
      `${path} (${format}) answers none of the ${answers.length} questions of ${benchmark.name} ${benchmark.split}. Its ids look like ` +
        `${ids.join(', ')}; the benchmark's look like ${wanted.join(', ')}. Is it for a different benchmark or split?`,
    );
  }
  const missing = answers.flatMap((_, row) => (answered[row] ? [] : [row]));
  return {
    answers,
    format,
    duplicates: [...duplicates],
    unknown: [...unknown],
    missing,
    ...(tornLine === undefined ? {} : { tornLine }),
  };
}
