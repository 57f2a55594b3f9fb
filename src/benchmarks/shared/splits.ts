import { usageError } from '../../shared/errors.js';
import type { SplitInfo } from '../benchmark.js';

/** The requested split (default: the benchmark's first). @throws UserError (usage) when it does not exist */
export function chosenSplit(benchmark: { name: string; splits: readonly SplitInfo[] }, requested?: string): string {
  const names = benchmark.splits.map(({ name }) => name);
  if (requested === undefined) return names[0]!;
  if (names.includes(requested)) return requested;
  throw usageError(`${benchmark.name} has no split "${requested}". Available: ${names.join(', ')}.`);
}
