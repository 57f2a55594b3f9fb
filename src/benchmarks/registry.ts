import { usageError } from '../shared/errors.js';
import type { BenchmarkDefinition } from './benchmark.js';
import { custom } from './custom.js';
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

/** Every benchmark with official files, in the order of the paper's tables. */
export const BENCHMARKS: readonly BenchmarkDefinition[] = [
  vqaV2,
  gqa,
  okVqa,
  ocrVqa,
  scienceQa,
  vizWiz,
  textVqa,
  pope,
  mme,
  seedBench,
  mmVet,
];

/** What a model can be evaluated on: the benchmarks, and the user's own questions. */
export const EVALUABLE: readonly BenchmarkDefinition[] = [...BENCHMARKS, custom];

/**
 * Benchmarks for `all`, which is those with official files, or a comma-separated list.
 * @param among what the list may name
 * @throws UserError (usage) for a name that is none
 */
export function selectBenchmarks(names: string, among = BENCHMARKS): BenchmarkDefinition[] {
  if (names === 'all') return [...BENCHMARKS];
  return [...new Set(names.split(','))].map((name) => findBenchmark(name.trim(), among));
}

/** @param among what the name may be @throws UserError (usage) for a name that is none */
export function findBenchmark(name: string, among = BENCHMARKS): BenchmarkDefinition {
  const found = among.find((benchmark) => benchmark.name === name);
  if (found) return found;
  throw usageError(`There is no benchmark "${name}". Available: ${among.map((b) => b.name).join(', ')}.`);
}
