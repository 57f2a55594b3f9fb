import { BENCHMARKS } from '../benchmarks/registry.js';
import type { RunResult } from '../results/runs/load-run.js';

/** Number of questions of a run's split in the official files; null if it is none of the benchmarks or unknown. */
export function officialQuestions({ metrics }: RunResult): number | null {
  const { splits = [] } = BENCHMARKS.find(({ name }) => name === metrics.benchmark) ?? {};
  return splits.find(({ name }) => name === metrics.split)?.questions ?? null;
}
