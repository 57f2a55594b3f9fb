import type { SchemaObject } from 'ajv';
import { objectOf, TEXT } from '../../shared/json-schema.js';
import { type LatencySummary, latencySchema } from '../runs/latency.js';
import type { RunResult } from '../runs/load-run.js';
import { type Metrics, metricsSchema } from '../runs/metrics.js';
import type { RunIdentity } from '../runs/run-identity.js';
import { identitySchema } from '../runs/run-record.js';

interface JsonReport {
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

/** JSON Schema (draft 7) of the report. `npm run schema` writes it to docs/report.schema.json. */
export const reportSchema: SchemaObject = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'llavahr report --format json',
  ...objectOf<JsonReport>({
    schemaVersion: { const: 1 },
    runs: {
      type: 'array',
      items: objectOf<JsonRun>({
        folder: TEXT,
        identity: identitySchema,
        metrics: metricsSchema,
        latency: latencySchema,
      }),
    },
  }),
};

/** Identity, metrics and latency of each run, in the format of `reportSchema`. Ends with a newline. */
export function jsonReport(runs: readonly RunResult[]): string {
  const report: JsonReport = {
    schemaVersion: 1,
    runs: runs.map(({ folder, record, metrics, latency }) => ({ folder, identity: record.identity, metrics, latency })),
  };
  return `${JSON.stringify(report, null, 2)}\n`;
}
