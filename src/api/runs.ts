import { join } from 'node:path';
import { type Comparison, compareRuns as compare, type SortKey } from '../results/reports/compare.js';
import { loadRun } from '../results/runs/load-run.js';
import { type Prediction, readPredictions } from '../results/runs/predictions.js';
import { readQuestionScores } from '../results/runs/question-scores.js';
import { RUN_FILES } from '../results/runs/run-folder.js';
import { modelKey } from '../results/runs/run-names.js';

/** The answers in a run folder, finished or not. @throws UserError when there are none or the file is damaged */
export function readAnswers(folder: string): Promise<Prediction[]> {
  return readPredictions(join(folder, RUN_FILES.predictions));
}

export interface CompareRunsOptions {
  /** Score to compare (default: each benchmark's main score). */
  metric?: string;
  /** Run folder of the model to compare with (default: the first). */
  baseline?: string;
  /** Order of the rows (default: as named). */
  sort?: SortKey;
}

/**
 * Compares finished runs, benchmark by benchmark: scores with intervals, differences to the baseline with intervals and
 * p-values from a paired bootstrap over images, adjusted for the number of differences (Holm).
 * @throws UserError when a folder holds no finished run
 */
export async function compareRuns(folders: readonly string[], options: CompareRunsOptions = {}): Promise<Comparison[]> {
  const { metric, baseline, sort } = options;
  const entries = await Promise.all(
    folders.map(async (folder) => ({ run: await loadRun(folder), questions: await readQuestionScores(folder) })),
  );
  const base = baseline === undefined ? undefined : modelKey(await loadRun(baseline));
  return compare(entries, { metric, baseline: base, sort });
}
