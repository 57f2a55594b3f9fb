import type { LoadedBenchmark } from '../benchmark.js';
import type { Joined } from './equal-questions.js';
import { joinById } from './join-by-id.js';
import { joinWithoutIds } from './join-without-ids.js';
import type { PredictionRecord } from './prediction-record.js';

/**
 * Matches predictions to a benchmark's rows like the official scripts: by question id, or by id and question if the id
 * is ambiguous. Ids are compared as strings, so 12 equals "12". Predictions without ids are matched by position if all
 * questions and correct answers agree, and otherwise by question.
 * @param path the predictions file, for messages
 * @throws UserError if it is ambiguous which questions are answered
 */
export function joinToRows(records: readonly PredictionRecord[], benchmark: LoadedBenchmark, path: string): Joined {
  const hasIds = records.some(({ idKind }) => idKind !== 'row');
  return hasIds ? joinById(records, benchmark) : joinWithoutIds(records, benchmark, path);
}
