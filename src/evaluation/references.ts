import type { LoadedBenchmark } from '../benchmarks/benchmark.js';
import type { References } from '../results/runs/references.js';

/** Images, categories and reference answers of a benchmark's questions. */
export function referencesOf(benchmark: LoadedBenchmark): References {
  const { questions, category, humanAnswers, gold } = benchmark;
  return {
    schemaVersion: 1,
    images: questions.map(({ image }) => image),
    categories: questions.map(({ index }) => category?.(index) ?? null),
    answers: questions.map(({ index }) => counted(humanAnswers?.(index) ?? [gold(index)])),
  };
}

/** Counts each answer, skipping null (answers that are not public). */
function counted(answers: readonly (string | null)[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const answer of answers) if (answer !== null) counts.set(answer, (counts.get(answer) ?? 0) + 1);
  return Object.fromEntries(counts);
}
