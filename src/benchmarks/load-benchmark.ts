import { usageError } from '../errors.js';
import type { LoadedBenchmark } from './benchmark.js';
import { loadTextVqa } from './textvqa.js';

/** Options that decide what is asked; they belong to a run's identity. */
export interface ProtocolOptions {
  ocrTokens: boolean;
  /** Only the first n questions. */
  limit?: number;
}

type Load = (folder: string, options: ProtocolOptions) => Promise<LoadedBenchmark>;

const BENCHMARKS = new Map<string, Load>([['textvqa', loadTextVqa]]);

/**
 * Reads a benchmark from the folder of its native files.
 * @throws UserError (usage) for a name that is none; UserError when files are missing or broken
 */
export async function loadBenchmark(name: string, folder: string, options: ProtocolOptions): Promise<LoadedBenchmark> {
  const load = BENCHMARKS.get(name);
  if (!load) throw usageError(`There is no benchmark "${name}". Available: ${[...BENCHMARKS.keys()].join(', ')}.`);
  return load(folder, options);
}
