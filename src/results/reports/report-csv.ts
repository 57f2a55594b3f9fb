import type { RunResult } from '../runs/load-run.js';
import { trainedResolution } from '../runs/run-record.js';
import { comparablePublished, type PublishedOf, runName } from './report-layout.js';
import { tidyCsv } from './tidy-csv.js';

/** A score, time, rate or memory figure. */
interface Measurement {
  metric: string;
  unit: 'percent' | 'points' | 'ms' | 'tokens_per_s' | 'questions_per_s' | 'bytes' | 'joules' | 'watts';
  /** Null if not measured. */
  value: number | null;
  /** Questions of the score, if it is not over all. */
  n?: number;
  /** 95 % interval. */
  low?: number;
  high?: number;
  /** Published score, if its split, size and protocol match the run. */
  published?: number;
  published_source?: string;
}

/** A row per run and metric (`tidyCsv`). `n` counts the questions of the score, `failed` those of the whole run. `protocol` is JSON. */
export function csvReport(runs: readonly RunResult[], publishedOf: PublishedOf = () => null): string {
  const rows = runs.flatMap((run) => {
    const about = describeRun(run);
    return [...scoreMeasurements(run, publishedOf), ...speedMeasurements(run)].map((measurement) => ({
      ...about,
      ...measurement,
    }));
  });
  return tidyCsv(rows);
}

/** The columns that tell which run a row is about. */
export function describeRun(run: RunResult): Record<string, string | number | null> {
  const { record, metrics, latency } = run;
  const { model, device, protocol, generation } = record.identity;
  const { convMode } = generation;
  return {
    run: runName(run),
    model: model.name,
    family: model.family,
    resolution: model.resolution,
    trained_resolution: trainedResolution(record),
    visual_tokens: latency.visualTokensPerImage,
    precision: model.precision,
    device,
    benchmark: metrics.benchmark,
    split: metrics.split,
    protocol: JSON.stringify({ ...protocol, convMode }),
    n: metrics.n,
    failed: metrics.failed,
  };
}

function scoreMeasurements(run: RunResult, publishedOf: PublishedOf): Measurement[] {
  const { headline, scores, counts, points, intervals } = run.metrics;
  const published = comparablePublished(run, publishedOf);
  return Object.entries(scores).map(([metric, value]) => ({
    metric,
    unit: points.includes(metric) ? 'points' : 'percent',
    value,
    ...(counts?.[metric] === undefined ? {} : { n: counts[metric] }),
    ...intervals[metric],
    ...(published && metric === headline
      ? { published: published.score, published_source: published.source.address }
      : {}),
  }));
}

function speedMeasurements({ latency }: RunResult): Measurement[] {
  const { stages, firstTokenMs, tokensPerSecond, questionsPerSecond, peakMemoryBytes, energy } = latency;
  const times = [
    ['decode_image', 'per_image', stages.decodeImageMsPerImage],
    ['vision', 'per_image', stages.visionMsPerImage],
    ['prefill', 'per_question', stages.prefillMsPerQuestion],
    ['decode', 'per_token', stages.decodeMsPerToken],
    ['first_token', 'per_batch', firstTokenMs],
  ] as const;
  return [
    ...times.flatMap(([stage, per, { p50, p95 }]): Measurement[] => [
      { metric: `${stage}_median_${per}`, unit: 'ms', value: p50 },
      { metric: `${stage}_p95_${per}`, unit: 'ms', value: p95 },
    ]),
    { metric: 'tokens_per_second', unit: 'tokens_per_s', value: tokensPerSecond.model },
    { metric: 'questions_per_second', unit: 'questions_per_s', value: questionsPerSecond },
    { metric: 'peak_memory', unit: 'bytes', value: peakMemoryBytes },
    ...(['gpu', 'cpu'] as const).flatMap((part): Measurement[] => {
      const use = energy?.[part];
      if (!use) return [];
      return [
        { metric: `${part}_energy_per_question`, unit: 'joules', value: use.joulesPerQuestion },
        { metric: `${part}_power`, unit: 'watts', value: use.watts },
      ];
    }),
  ];
}
