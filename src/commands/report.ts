import { EXIT } from '../errors.js';
import { loadRun, type RunResult } from '../results/load-run.js';
import { csvReport } from '../results/report-csv.js';
import { latexReport } from '../results/report-latex.js';
import { reportLayout } from '../results/report-layout.js';
import { markdownReport } from '../results/report-markdown.js';
import { replaceFile } from '../results/write-json.js';

const REPORTS = {
  csv: csvReport,
  md: (runs: readonly RunResult[]) => markdownReport(reportLayout(runs)),
  latex: (runs: readonly RunResult[]) => latexReport(reportLayout(runs)),
  json: jsonReport,
};

export interface ReportCommandOptions {
  format: keyof typeof REPORTS;
  /** File to write; without it the report goes to stdout. */
  output?: string;
}

/** `llavahr report`: finished runs in a form that other programs and papers take. */
export async function reportCommand(folders: string[], { format, output }: ReportCommandOptions): Promise<number> {
  const report = REPORTS[format](await Promise.all(folders.map(loadRun)));
  if (output === undefined) {
    process.stdout.write(report); // console.log would add a line's end to the CSV
  } else {
    await replaceFile(output, (file) => file.writeFile(report));
  }
  return EXIT.done;
}

function jsonReport(runs: readonly RunResult[]): string {
  const entries = runs.map(({ folder, record, metrics, latency }) => ({
    folder,
    identity: record.identity,
    metrics,
    latency,
  }));
  return `${JSON.stringify({ schemaVersion: 1, runs: entries }, null, 2)}\n`;
}
