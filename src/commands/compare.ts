import { EXIT } from '../errors.js';
import { compareRuns } from '../results/compare.js';
import { comparisonTables } from '../results/comparison-tables.js';
import { loadRun } from '../results/load-run.js';
import { readQuestionScores } from '../results/question-scores.js';

/** `llavahr compare`: differences are to the first run of each benchmark. */
export async function compareCommand(folders: readonly string[], options: { json: boolean }): Promise<number> {
  const runs = await Promise.all(folders.map(loadRun));
  const comparisons = compareRuns(runs, await Promise.all(folders.map(readQuestionScores)));
  console.log(options.json ? JSON.stringify(comparisons, null, 2) : comparisonTables(comparisons));
  return EXIT.done;
}
