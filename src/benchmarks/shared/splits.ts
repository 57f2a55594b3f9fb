import { usageError } from '../../shared/errors.js';
import { didYouMean, nameAmong } from '../../shared/known-names.js';
import type { BenchmarkDefinition, SplitInfo } from '../benchmark.js';

/** Number of questions in the official files of a split; null if unknown, or if the benchmark has no such split. */
export function questionsOfSplit({ splits }: Pick<BenchmarkDefinition, 'splits'>, split: string): number | null {
  return splits.find(({ name }) => name === split)?.questions ?? null;
}

/** The requested split (default: the benchmark's first). @throws UserError (usage) when it does not exist */
export function chosenSplit(benchmark: { name: string; splits: readonly SplitInfo[] }, requested?: string): string {
  const names = benchmark.splits.map(({ name }) => name);
  if (requested === undefined) return names[0]!;
  const known = nameAmong(requested, names);
  if (known !== null) return known;
  throw usageError(
    `${benchmark.name} has no split "${requested}".${didYouMean(requested, names)} Available: ${names.join(', ')}.`,
  );
}
