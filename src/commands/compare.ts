import { type CompareOptions, type Comparison, compareRuns, type SortKey } from '../results/reports/compare.js';
import { comparisonTables } from '../results/reports/comparison-tables.js';
import { findRuns, type NamedRuns } from '../results/runs/find-runs.js';
import { readQuestionScores } from '../results/runs/question-scores.js';
import { modelKey, modelLabels } from '../results/runs/run-names.js';
import { EXIT, usageError } from '../shared/errors.js';
import { say } from '../shared/log.js';
import { publishedBeside } from './published-beside.js';

export interface CompareCommandOptions {
  /** Folder whose finished runs are searched for models by name. */
  results: string;
  metric?: string;
  sort?: SortKey;
  /** Result folder or model name. */
  baseline?: string;
  json: boolean;
}

/** `llavahr compare`: runs of the same benchmarks beside each other, with what is published about their models. */
export async function compareCommand(names: readonly string[], options: CompareCommandOptions): Promise<number> {
  const { results, metric, sort, baseline, json } = options;
  const found = await findRuns(baseline === undefined ? names : [...names, baseline], results);
  for (const message of found.messages) say('warn', message);
  const compareOptions: CompareOptions = { metric, sort, baseline: baseline && baselineKey(baseline, found) };
  const entries = await Promise.all(
    found.runs.map(async (run) => ({
      run,
      questions: await readQuestionScores(run.folder),
      published: publishedBeside(run),
    })),
  );
  const { together, alone } = separate(compareRuns(entries, compareOptions));
  for (const { benchmark, rows } of alone) say('info', `${benchmark}: only ${rows[0]!.label} has a run of it.`);
  if (together.length === 0)
    throw usageError(`Nothing to compare: no benchmark has two of the ${entries.length} runs.`);
  if (metric !== undefined) checkMetric(metric, together);
  console.log(json ? JSON.stringify({ schemaVersion: 1, comparisons: together }, null, 2) : comparisonTables(together));
  return EXIT.done;
}

/** @throws UserError (usage) when a model's name stands for several: at several sizes, say */
function baselineKey(name: string, { byName }: NamedRuns): string {
  const runs = byName.get(name)!;
  const labels = modelLabels(runs);
  const keys = new Map(runs.map((run, i) => [modelKey(run), { label: labels[i]!, folder: run.folder }]));
  if (keys.size === 1) return [...keys.keys()][0]!;
  const choices = [...keys.values()].map(({ label, folder }) => `${label}: ${folder}`);
  throw usageError(`--baseline ${name} stands for several models. Name a result folder of one:\n${choices.join('\n')}`);
}

/** Benchmarks with runs to compare, and those with one run. */
function separate(comparisons: readonly Comparison[]): { together: Comparison[]; alone: Comparison[] } {
  return {
    together: comparisons.filter(({ rows }) => rows.length > 1),
    alone: comparisons.filter(({ rows }) => rows.length === 1),
  };
}

function checkMetric(metric: string, comparisons: readonly Comparison[]): void {
  const runs = comparisons.flatMap(({ rows }) => rows.map(({ run }) => run));
  if (runs.some(({ metrics }) => metric in metrics.scores)) return;
  const names = [...new Set(runs.flatMap(({ metrics }) => Object.keys(metrics.scores)))];
  throw usageError(`No run has a score named ${JSON.stringify(metric)}. There are: ${names.join(', ')}.`);
}
