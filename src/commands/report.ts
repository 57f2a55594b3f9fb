import { csvReport } from '../results/reports/report-csv.js';
import { jsonReport } from '../results/reports/report-json.js';
import { latexReport } from '../results/reports/report-latex.js';
import { reportLayout } from '../results/reports/report-layout.js';
import { markdownReport } from '../results/reports/report-markdown.js';
import { loadRun, type RunResult } from '../results/runs/load-run.js';
import { EXIT, usageError } from '../shared/errors.js';
import { replaceFile } from '../shared/json-file.js';
import { publishedBeside } from './published-beside.js';

const REPORTS = {
  csv: (runs: readonly RunResult[]) => csvReport(runs, publishedBeside),
  md: (runs: readonly RunResult[]) => markdownReport(reportLayout(runs, publishedBeside)),
  latex: (runs: readonly RunResult[]) => latexReport(reportLayout(runs, publishedBeside)),
  html: htmlReport,
  json: jsonReport,
};

const THUMBNAILS = 1000; // about 5 MB

export interface ReportCommandOptions {
  format: keyof typeof REPORTS;
  /** File to write; without it the report goes to stdout. */
  output?: string;
  /** HTML: images that get a thumbnail. */
  thumbnails?: number;
  /** HTML: where the benchmarks' files are; where they were when the runs were made without it. */
  data?: string;
}

/** `llavahr report`: finished runs in a form that other programs and papers take. */
export async function reportCommand(folders: string[], options: ReportCommandOptions): Promise<number> {
  const { format, output, thumbnails, data } = options;
  if (format !== 'html' && (thumbnails !== undefined || data !== undefined)) {
    throw usageError('--thumbnails and --data are for --format html.');
  }
  const report = await REPORTS[format](await Promise.all(folders.map(loadRun)), options);
  if (output === undefined) {
    process.stdout.write(report); // console.log would add a line's end to the CSV
  } else {
    await replaceFile(output, (file) => file.writeFile(report));
  }
  return EXIT.done;
}

/** Loads what makes plots and thumbnails, which no other format needs. */
async function htmlReport(runs: readonly RunResult[], { thumbnails, data }: ReportCommandOptions): Promise<string> {
  const { writeHtmlReport } = await import('./report-html.js');
  return writeHtmlReport(runs, { thumbnails: thumbnails ?? THUMBNAILS, data });
}
