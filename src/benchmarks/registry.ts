import { usageError } from '../shared/errors.js';
import { didYouMean, nameAmong } from '../shared/known-names.js';
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

/** All benchmarks with official files, in the order of the paper's tables. */
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

/** Everything a model can be evaluated on: the benchmarks and your own questions. */
export const EVALUABLE: readonly BenchmarkDefinition[] = [...BENCHMARKS, custom];

/**
 * The benchmarks for `all` (those with official files) or for a comma-separated list of names.
 * @param among the benchmarks the list may contain
 * @throws UserError (usage) for an unknown name
 */
export function selectBenchmarks(names: string, among = BENCHMARKS): BenchmarkDefinition[] {
  if (names.toLowerCase() === 'all') return [...BENCHMARKS];
  return [...new Set(names.split(',').map((name) => findBenchmark(name.trim(), among)))];
}

/**
 * The benchmark of a name or title, whatever its case and separators: textvqa, TextVQA, mm-vet.
 * @param among the benchmarks to search
 * @throws UserError (usage) for an unknown name
 */
export function findBenchmark(name: string, among = BENCHMARKS): BenchmarkDefinition {
  const names = among.map((benchmark) => benchmark.name);
  const titles = among.map(({ title }) => title);
  const known = nameAmong(name, names) ?? names[titles.indexOf(nameAmong(name, titles) ?? '')];
  const found = among.find((benchmark) => benchmark.name === known);
  if (found) return found;
  throw usageError(
    `Unknown benchmark "${name}".${didYouMean(name, [...names, 'all'])} Available: ${names.join(', ')}.`,
  );
}
