import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../../shared/errors.js';
import type { BenchmarkDefinition } from '../benchmark.js';
import { chosenSplit } from './splits.js';

/**
 * The split that was asked for, or else the first that the folder has a question file of.
 * @param questionFiles by split, in order of preference; one file of several is enough
 * @param origin where the files come from, in whole sentences
 * @throws UserError when the folder has no question file, or (usage) there is no such split
 */
export function presentSplit<Split extends string>(
  benchmark: Pick<BenchmarkDefinition, 'name' | 'splits'>,
  folder: string,
  asked: string | undefined,
  questionFiles: Readonly<Record<Split, readonly string[]>>,
  origin: string,
): Split {
  if (asked !== undefined) return chosenSplit(benchmark, asked) as Split;
  const splits = Object.keys(questionFiles) as Split[];
  const present = splits.find((split) => questionFiles[split].some((file) => existsSync(join(folder, file))));
  if (present !== undefined) return present;
  const wanted = splits.map((split) => `${questionFiles[split].join(' nor ')} (split ${split})`);
  throw new UserError(`${folder} holds neither ${wanted.join(' nor ')}. ${origin}`);
}
