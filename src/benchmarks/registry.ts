import { usageError } from '../shared/errors.js';
import type { BenchmarkDefinition } from './benchmark.js';
import { gqa } from './gqa.js';
import { mme } from './mme.js';
import { mmVet } from './mmvet.js';
import { ocrVqa } from './ocrvqa.js';
import { okVqa } from './okvqa.js';
import { pope } from './pope.js';
import { scienceQa } from './scienceqa.js';
import { seedBench } from './seed-bench.js';
import { textVqa } from './textvqa.js';
import { vizWiz } from './vizwiz.js';
import { vqaV2 } from './vqav2.js';

/** Every benchmark, in the order of the paper's tables. */
export const BENCHMARKS: readonly BenchmarkDefinition[] = [
  ...[vqaV2, gqa, okVqa, ocrVqa, scienceQa, vizWiz],
  ...[textVqa, pope, mme, seedBench, mmVet],
];

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
