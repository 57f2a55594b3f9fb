import { UserError } from '../../shared/errors.js';
import type { LoadedBenchmark } from '../benchmark.js';
import { rowFinder } from './prediction-rows.js';
import { readPredictionRecords } from './read-prediction-records.js';

/** The answers in a predictions file, by the benchmark's rows. */
export interface PredictionSet {
  /** null where there is no prediction, or one that says no answer could be made. */
  answers: (string | null)[];
  /** The file's format, for messages. */
  format: string;
  /** Ids, as in the file, that answer a question once more; the last answer counts, as in the official scripts. */
  duplicates: (string | number)[];
  /** Ids, as in the file, of which the benchmark has no question; they are left out. */
  unknown: (string | number)[];
  /** Rows without a prediction. */
  missing: number[];
}

/**
 * Reads answers that any program made to a benchmark's questions.
 * @param path a file or folder in any of the formats of src/benchmarks/prediction-formats
 * @throws UserError when it cannot be read, or holds nothing about this benchmark
 */
export async function readPredictionFile(path: string, benchmark: LoadedBenchmark): Promise<PredictionSet> {
  const { format, records } = await readPredictionRecords(path);
  const rowsOf = rowFinder(benchmark);
  const answers: (string | null)[] = benchmark.questions.map(() => null);
  const answered = new Set<number>();
  const duplicates = new Set<string | number>();
  const unknown = new Set<string | number>();
  for (const record of records) {
    const rows = rowsOf(record);
    if (rows.length === 0) unknown.add(record.id);
    for (const row of rows) {
      if (answered.has(row)) duplicates.add(record.id);
      answered.add(row);
      answers[row] = record.answer;
    }
  }
  if (answered.size === 0) {
    const ids = records.slice(0, 3).map(({ id }) => JSON.stringify(id));
    const wanted = benchmark.questions.slice(0, 3).map(({ questionId }) => JSON.stringify(questionId));
    throw new UserError(
      `${path} (${format}) answers none of the ${answers.length} questions of ${benchmark.name} ${benchmark.split}. Its ids are ` +
        `such as ${ids.join(', ')}, the benchmark's ${wanted.join(', ')}. Is it another benchmark or split?`,
    );
  }
  const missing = answers.flatMap((_, row) => (answered.has(row) ? [] : [row]));
  return { answers, format, duplicates: [...duplicates], unknown: [...unknown], missing };
}
