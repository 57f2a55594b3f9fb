import type { LatencySummary } from '../runs/latency.js';
import type { RunResult } from '../runs/load-run.js';
import type { Metrics } from '../runs/metrics.js';
import type { RunIdentity } from '../runs/run-identity.js';

/** Output of `llavahr report --format json`. */
export interface JsonReport {
  schemaVersion: 1;
  runs: JsonRun[];
}

interface JsonRun {
  /** As given on the command line. */
  folder: string;
  identity: RunIdentity;
  metrics: Metrics;
  latency: LatencySummary;
}

/** Identity, metrics and latency of each run as JSON. Ends with a newline. */
export function jsonReport(runs: readonly RunResult[]): string {
  const report: JsonReport = {
    schemaVersion: 1,
    runs: runs.map(({ folder, record, metrics, latency }) => ({ folder, identity: record.identity, metrics, latency })),
  };
  return `${JSON.stringify(report, null, 2)}\n`;
}
