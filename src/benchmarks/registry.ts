import { usageError } from '../errors.js';
import type { BenchmarkDefinition } from './benchmark.js';
import { textVqa } from './textvqa.js';

/** Every benchmark, in the order of the paper's tables. */
export const BENCHMARKS: readonly BenchmarkDefinition[] = [textVqa];

/** Benchmarks for `all` or a comma-separated list. @throws UserError (usage) for a name that is none */
export function selectBenchmarks(names: string): BenchmarkDefinition[] {
  return names === 'all' ? [...BENCHMARKS] : [...new Set(names.split(','))].map((name) => findBenchmark(name.trim()));
}

/** @throws UserError (usage) for a name that is none */
export function findBenchmark(name: string): BenchmarkDefinition {
  const found = BENCHMARKS.find((benchmark) => benchmark.name === name);
  if (found) return found;
  throw usageError(`There is no benchmark "${name}". Available: ${BENCHMARKS.map((b) => b.name).join(', ')}.`);
}
