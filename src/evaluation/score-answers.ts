import type { Answers, LoadedBenchmark, Score } from '../benchmarks/benchmark.js';
import { bootstrapStatistic } from '../results/bootstrap.js';
import type { Metrics } from '../results/metrics.js';

/** Any: but the same each time, so that the same answers give the same interval. */
const SEED = 1;

/** Scores answers and puts a 95 % interval to every main score, with images as the units of resampling. */
export function scoreAnswers(benchmark: LoadedBenchmark, answers: Answers): { metrics: Metrics; score: Score | null } {
  const score = benchmark.score(answers);
  return { metrics: metricsOf(benchmark, answers, score), score };
}

/** The metrics of a score however it was made; null where neither this machine nor a judge scores. */
export function metricsOf({ name, split, questions }: LoadedBenchmark, answers: Answers, score: Score | null): Metrics {
  const metrics: Metrics = {
    schemaVersion: 1,
    benchmark: name,
    split,
    headline: score?.headline ?? null,
    scores: score?.scores ?? {},
    intervals: {},
    points: [...(score?.points ?? [])],
    n: score?.n ?? questions.length,
    failed: score?.failed ?? answers.filter((answer) => answer === null).length,
    unparsable: score?.unparsable ?? 0,
    notes: [...(score?.notes ?? [])],
  };
  const clusters = questions.map(({ image }) => image);
  for (const [statistic, { counts, width, value }] of Object.entries(score?.statistics ?? {})) {
    const interval = bootstrapStatistic(counts, width, value, clusters, { seed: SEED });
    if (interval) metrics.intervals[statistic] = interval;
  }
  return metrics;
}
