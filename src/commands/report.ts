import { officialQuestions } from '../evaluation/official-questions.js';
import { publishedBeside } from '../evaluation/published-beside.js';
import { csvReport } from '../results/reports/report-csv.js';
import { evalResultsReport } from '../results/reports/report-eval-results.js';
import { jsonReport } from '../results/reports/report-json.js';
import { latexReport } from '../results/reports/report-latex.js';
import { reportLayout } from '../results/reports/report-layout.js';
import { lmmsEvalReport, notByLmmsEval } from '../results/reports/report-lmms-eval.js';
import { markdownReport } from '../results/reports/report-markdown.js';
import { finishedRuns, skippedLine } from '../results/runs/finished-runs.js';
import type { RunResult } from '../results/runs/load-run.js';
import { EXIT, usageError } from '../shared/errors.js';
import { say } from '../shared/log.js';
import { outputFormat, putOut } from './output-format.js';

const REPORTS = {
  csv: (runs: readonly RunResult[]) => csvReport(runs, publishedBeside),
  md: (runs: readonly RunResult[]) => markdownReport(reportLayout(runs, publishedBeside)),
  latex: (runs: readonly RunResult[]) => latexReport(reportLayout(runs, publishedBeside)),
  html: htmlReport,
  json: jsonReport,
  'lmms-eval': lmmsReport,
  'eval-results': (runs: readonly RunResult[]) => evalResultsReport(runs, officialQuestions),
};

const FORMATS = Object.keys(REPORTS) as (keyof typeof REPORTS)[];

const THUMBNAILS = 1000; // about 20 MB of a page with large editions of some

export interface ReportCommandOptions {
  /** (default: by the name of the output file, else csv) */
  format?: keyof typeof REPORTS;
  /** File to write (default: stdout). */
  output?: string;
  /** CSV: begin with a byte order mark. */
  bom?: boolean;
  /** HTML: maximum number of images with a thumbnail. */
  thumbnails?: number;
  /** HTML: folder with the benchmarks' files (default: where they were during the runs). */
  data?: string;
}

/**
 * `llavahr report`: exports finished runs in the chosen format.
 * @param folders run folders, or folders that contain some; see `finishedRuns`
 */
export async function reportCommand(folders: string[], options: ReportCommandOptions): Promise<number> {
  const { output, thumbnails, data, bom } = options;
  const format = outputFormat(options.format, output, FORMATS) ?? 'csv';
  if (format !== 'html' && (thumbnails !== undefined || data !== undefined)) {
    throw usageError('--thumbnails and --data can only be used with --format html.');
  }
  const { runs, skipped } = await finishedRuns(folders);
  if (skipped.length > 0) say('info', skippedLine(skipped));
  const report = await REPORTS[format](runs, options);
  await putOut(report, { format, output, bom });
  return EXIT.done;
}

function lmmsReport(runs: readonly RunResult[]): string {
  const others = notByLmmsEval(runs);
  if (others.length > 0) {
    const what = `The scores of ${others.join(', ')} have lmms-eval's names, but the prompts and scoring of the protocol llava`;
    say('warn', `${what}: for lmms-eval's own, run eval --protocol lmms-eval.`);
  }
  return lmmsEvalReport(runs, officialQuestions);
}

/** Imports the modules for plots and thumbnails, which no other format needs. */
async function htmlReport(runs: readonly RunResult[], { thumbnails, data }: ReportCommandOptions): Promise<string> {
  const { writeHtmlReport } = await import('./report-html.js');
  return writeHtmlReport(runs, { thumbnails: thumbnails ?? THUMBNAILS, data });
}
