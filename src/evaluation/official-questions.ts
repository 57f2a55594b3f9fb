import { BENCHMARKS } from '../benchmarks/registry.js';
import { questionsOfSplit } from '../benchmarks/shared/splits.js';
import type { RunResult } from '../results/runs/load-run.js';

/** Number of questions of a run's split in the official files; null if it is none of the benchmarks or unknown. */
export function officialQuestions({ metrics }: Pick<RunResult, 'metrics'>): number | null {
  const definition = BENCHMARKS.find(({ name }) => name === metrics.benchmark);
  return definition ? questionsOfSplit(definition, metrics.split) : null;
}
