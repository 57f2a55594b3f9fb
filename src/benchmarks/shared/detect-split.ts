import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../../shared/errors.js';
import type { BenchmarkDefinition } from '../benchmark.js';
import { chosenSplit } from './splits.js';

/**
 * The requested split or, by default, the first one for which the folder has a question file.
 * @param questionFiles by split, in order of preference; one file per split is enough
 * @param origin where the files come from, in complete sentences
 * @throws UserError when the folder has no question file, or (usage) the requested split does not exist
 */
export function detectSplit<Split extends string>(
  benchmark: Pick<BenchmarkDefinition, 'name' | 'splits'>,
  folder: string,
  requested: string | undefined,
  questionFiles: Readonly<Record<Split, readonly string[]>>,
  origin: string,
): Split {
  if (requested !== undefined) return chosenSplit(benchmark, requested) as Split;
  const splits = Object.keys(questionFiles) as Split[];
  const present = splits.find((split) => questionFiles[split].some((file) => existsSync(join(folder, file))));
  if (present !== undefined) return present;
  const expected = splits.map((split) => `${questionFiles[split].join(' or ')} (split ${split})`);
  throw new UserError(`${folder} has no question file: expected ${expected.join(' or ')}. ${origin}`);
}
