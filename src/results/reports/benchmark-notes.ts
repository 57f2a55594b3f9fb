/** Notes on a benchmark's scores. */
export interface BenchmarkNotes {
  benchmark: string;
  notes: readonly string[];
}

/** Merges equal notes of several benchmarks: "mme, pope: the note". */
export function benchmarkNotes(entries: readonly BenchmarkNotes[]): string[] {
  const benchmarksOf = new Map<string, Set<string>>();
  for (const { benchmark, notes } of entries) {
    for (const note of notes) benchmarksOf.set(note, (benchmarksOf.get(note) ?? new Set()).add(benchmark));
  }
  return [...benchmarksOf].map(([note, benchmarks]) => `${[...benchmarks].join(', ')}: ${note}`);
}
