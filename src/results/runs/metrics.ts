import { jsonFile } from '../../shared/json-file.js';
import { COUNT, mapOf, nullable, objectOf, SHA256, TEXT } from '../../shared/json-schema.js';
import { type FailureCount, failuresSchema } from './failure-counts.js';

/** metrics.json: the scores of a run, computed from its predictions file. */
export interface Metrics {
  schemaVersion: 1;
  benchmark: string;
  split: string;
  /** Name in `scores` of the number that papers report; null if a server or a judge scores. */
  headline: string | null;
  /** At full precision. Percentages from 0 to 100, except those listed in `points`. */
  scores: Record<string, number>;
  /** Number of questions behind each score; absent in files of older versions. */
  counts?: Record<string, number>;
  /** 95 % intervals of the main scores by name, in the same units. */
  intervals: Record<string, { low: number; high: number }>;
  /** Names of scores that are sums of points. */
  points: string[];
  /** Questions in the denominator. */
  n: number;
  /** Failed questions. They count as wrong. */
  failed: number;
  /** Why they failed, the most frequent reason first; absent if none did, and in runs of versions that did not record it. */
  failures?: FailureCount[];
  /** Answers without a recognisable option, yes or no. */
  unparsable: number;
  /** Notes for the reader. */
  notes: string[];
  /** Hash over the images that were asked about; null without images; absent in runs of versions that did not note it. */
  images?: string | null;
  /** Who graded the answers; absent where no judge did, and in runs of versions that did not record it. */
  judge?: JudgeRecord;
}

/** The judge is part of the result: another one is asked anew. */
export interface JudgeRecord {
  /** Base URL of its API, without secrets. */
  server: string;
  model: string;
  /** Gradings of every answer. */
  runs: number;
  /** Gradings that failed. The same eval command requests them again. */
  missing: number;
  gradedAt: string; // ISO 8601, UTC
}

const judge = objectOf<JudgeRecord>({ server: TEXT, model: TEXT, runs: COUNT, missing: COUNT, gradedAt: TEXT });

const required = objectOf<Omit<Metrics, 'counts' | 'images' | 'judge' | 'failures'>>({
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
const metricsSchema = {
  ...required,
  properties: {
    ...required['properties'],
    counts: mapOf(COUNT),
    images: nullable(SHA256),
    judge,
    failures: failuresSchema,
  },
};

export const metricsFile = jsonFile<Metrics>('metrics.json', metricsSchema);

/** Number of questions that a score covers: a category's score covers the category's. */
export function questionsOf({ counts, n }: Pick<Metrics, 'counts' | 'n'>, score: string | null): number {
  return counts?.[score ?? ''] ?? n;
}
