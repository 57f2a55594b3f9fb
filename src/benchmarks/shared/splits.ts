import { usageError } from '../../shared/errors.js';
import type { SplitInfo } from '../benchmark.js';

/** The split that was asked for, or the first one. @throws UserError (usage) when there is no such split */
export function chosenSplit(benchmark: { name: string; splits: readonly SplitInfo[] }, asked?: string): string {
  const names = benchmark.splits.map(({ name }) => name);
  if (asked === undefined) return names[0]!;
  if (names.includes(asked)) return asked;
  throw usageError(`${benchmark.name} has no split "${asked}". Available: ${names.join(', ')}.`);
}
