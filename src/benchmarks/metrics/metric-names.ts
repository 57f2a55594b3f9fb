/** Names of the metrics of task files and of `custom`; metrics.ts says what they are. */
export const METRIC_NAMES = [
  'exact',
  'exact-words',
  'vqa',
  'choice',
  'choice-vlmevalkit',
  'yes-no',
  'relaxed',
  'anls',
  'substring',
  'f1',
  'mmmu',
] as const;

export type MetricName = (typeof METRIC_NAMES)[number];
