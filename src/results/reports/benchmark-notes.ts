/** What is to be known of a benchmark's scores. */
export interface BenchmarkNotes {
  benchmark: string;
  notes: readonly string[];
}

/** "mme, pope: the note": every note once, with the benchmarks that it is about. */
export function benchmarkNotes(entries: readonly BenchmarkNotes[]): string[] {
  const benchmarksOf = new Map<string, Set<string>>();
  for (const { benchmark, notes } of entries) {
    for (const note of notes) benchmarksOf.set(note, (benchmarksOf.get(note) ?? new Set()).add(benchmark));
  }
  return [...benchmarksOf].map(([note, benchmarks]) => `${[...benchmarks].join(', ')}: ${note}`);
}
