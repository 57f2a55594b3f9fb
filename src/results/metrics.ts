import { COUNT, mapOf, objectOf, TEXT } from '../json-schema.js';
import { jsonFile } from './write-json.js';

/** metrics.json: the scores of a run, made from its predictions file. */
export interface Metrics {
  schemaVersion: 1;
  benchmark: string;
  split: string;
  /** Name in `scores` of the number a paper would print. */
  headline: string;
  /** Full precision; percentages from 0 to 100. */
  scores: Record<string, number>;
  /** Questions in the denominator. */
  n: number;
  /** Questions without an answer. They count as wrong. */
  failed: number;
}

export const metricsFile = jsonFile<Metrics>(
  'metrics.json',
  objectOf<Metrics>({
    schemaVersion: { const: 1 },
    benchmark: TEXT,
    split: TEXT,
    headline: TEXT,
    scores: mapOf({ type: 'number' }),
    n: COUNT,
    failed: COUNT,
  }),
);
