import { jsonFile } from '../../shared/json-file.js';
import { COUNT, mapOf, nullable, objectOf, TEXT } from '../../shared/json-schema.js';

/** metrics.json: the scores of a run, made from its predictions file. */
export interface Metrics {
  schemaVersion: 1;
  benchmark: string;
  split: string;
  /** Name in `scores` of the number a paper would print; null where a server or a judge scores. */
  headline: string | null;
  /** Full precision; percentages from 0 to 100 but for those named in `points`. */
  scores: Record<string, number>;
  /** Questions that each score is over; absent in files of older versions. */
  counts?: Record<string, number>;
  /** 95 % intervals of main scores by their names, in their units. */
  intervals: Record<string, { low: number; high: number }>;
  /** Scores that are sums of points. */
  points: string[];
  /** Questions in the denominator. */
  n: number;
  /** Questions without an answer. They count as wrong. */
  failed: number;
  /** Answers from which no option, yes or no could be told. */
  unparsable: number;
  /** What a reader must know. */
  notes: string[];
}

const required = objectOf<Omit<Metrics, 'counts'>>({
  schemaVersion: { const: 1 },
  benchmark: TEXT,
  split: TEXT,
  headline: nullable(TEXT),
  scores: mapOf({ type: 'number' }),
  intervals: mapOf(objectOf<{ low: number; high: number }>({ low: { type: 'number' }, high: { type: 'number' } })),
  points: { type: 'array', items: TEXT },
  n: COUNT,
  failed: COUNT,
  unparsable: COUNT,
  notes: { type: 'array', items: TEXT },
});

/** Schema of `Metrics`. */
export const metricsSchema = { ...required, properties: { ...required['properties'], counts: mapOf(COUNT) } };

export const metricsFile = jsonFile<Metrics>('metrics.json', metricsSchema);
