import { publishedBeside } from '../evaluation/published-beside.js';
import { type CompareOptions, type Comparison, compareRuns, type SortKey } from '../results/reports/compare.js';
import {
  comparisonCsv,
  comparisonJson,
  comparisonLatex,
  comparisonMarkdown,
} from '../results/reports/comparison-files.js';
import { comparisonTables } from '../results/reports/comparison-tables.js';
import { findRuns, type NamedRuns } from '../results/runs/find-runs.js';
import { readQuestionScores } from '../results/runs/question-scores.js';
import { modelKey, modelLabels } from '../results/runs/run-names.js';
import { EXIT, usageError } from '../shared/errors.js';
import { didYouMean } from '../shared/known-names.js';
import { say } from '../shared/log.js';
import { outputFormat, putOut } from './output-format.js';

const FILES = { csv: comparisonCsv, md: comparisonMarkdown, latex: comparisonLatex, json: comparisonJson };
const FORMATS = Object.keys(FILES) as (keyof typeof FILES)[];

export interface CompareCommandOptions {
  /** Folder to search for the finished runs of models given by name. */
  results: string;
  metric?: string;
  sort?: SortKey;
  /** Run folder or model name. */
  baseline?: string;
  format?: keyof typeof FILES;
  /** File to write (default: stdout). */
  output?: string;
  /** CSV: begin with a byte order mark. */
  bom?: boolean;
  json: boolean;
}

/** `llavahr compare`: compares runs of the same benchmarks with each other and with published numbers. */
export async function compareCommand(names: readonly string[], options: CompareCommandOptions): Promise<number> {
  const { results, metric, sort, baseline, output, bom, json } = options;
  const format = outputFormat(json ? 'json' : options.format, output, FORMATS);
  if (format === null && bom) throw usageError('--bom can only be used with --format csv.');
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
  if (together.length === 0) {
    const what =
      entries.length === 1 ? 'there is one run only' : `the ${entries.length} runs are of different benchmarks`;
    throw usageError(`Nothing to compare: ${what}. Name at least two runs of the same one, or two models.`);
  }
  for (const { benchmark, rows } of alone) say('info', `${benchmark}: skipped, only ${rows[0]!.label} has a run.`);
  if (metric !== undefined) checkMetric(metric, together);
  if (format === null) console.log(comparisonTables(together));
  else await putOut(FILES[format](together), { format, output, bom });
  return EXIT.done;
}

/** @throws UserError (usage) if the name matches several models, such as one model at several sizes */
function baselineKey(name: string, { byName }: NamedRuns): string {
  const runs = byName.get(name)!;
  if (runs.length === 0) throw usageError(`--baseline ${name} is no finished run.`);
  const labels = modelLabels(runs);
  const keys = new Map(runs.map((run, i) => [modelKey(run), { label: labels[i]!, folder: run.folder }]));
  if (keys.size === 1) return [...keys.keys()][0]!;
  const choices = [...keys.values()].map(({ label, folder }) => `${label}: ${folder}`);
  throw usageError(`--baseline ${name} matches several models. Give the run folder of one:\n${choices.join('\n')}`);
}

/** Separates benchmarks with several runs (`together`) from those with only one (`alone`). */
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
  throw usageError(
    `No run has a score named ${JSON.stringify(metric)}.${didYouMean(metric, names)} Available: ${names.join(', ')}.`,
  );
}
