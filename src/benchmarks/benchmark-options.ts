import { usageError } from '../shared/errors.js';
import type { BenchmarkDefinition, BenchmarkOption } from './benchmark.js';
import { EVALUABLE } from './registry.js';
import { chosenSplit } from './shared/splits.js';

/** Values of options as the user gave them; undefined for those that were not given. */
export type GivenOptions = Readonly<Partial<Record<BenchmarkOption, unknown>>>;

/**
 * Refuses options that mean nothing for any of the benchmarks, and a split that one of them does not have.
 * @param benchmarks those that a command is about
 * @throws UserError (usage)
 */
export function checkOptions(benchmarks: readonly BenchmarkDefinition[], given: GivenOptions): void {
  for (const [option, value] of Object.entries(given) as [BenchmarkOption, unknown][]) {
    if (value === undefined || benchmarks.some(({ options }) => options[option] !== undefined)) continue;
    const users = EVALUABLE.filter(({ options }) => options[option] !== undefined).map(({ name }) => name);
    const names = benchmarks.map(({ name }) => name).join(', ');
    throw usageError(`${flag(option, value)} has no meaning for ${names}. It is an option of: ${users.join(', ')}.`);
  }
  if (typeof given.split !== 'string') return;
  for (const benchmark of benchmarks) if (benchmark.options.split !== undefined) chosenSplit(benchmark, given.split);
}

/** @throws UserError (usage) naming the options without which a benchmark cannot be asked */
export function requireOptions({ name, options }: BenchmarkDefinition, given: GivenOptions): void {
  const required = (Object.keys(options) as BenchmarkOption[]).filter((option) => options[option] === 'required');
  if (required.every((option) => given[option] !== undefined)) return;
  const flags = required.map((option) => flag(option, true));
  throw usageError(`${name} needs ${flags.slice(0, -1).join(', ')} and ${flags.at(-1)}.`);
}

/** `ocrTokens` -> `--ocr-tokens`, or `--no-ocr-tokens` for false. */
function flag(option: BenchmarkOption, value: unknown): string {
  const name = option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return value === false ? `--no-${name}` : `--${name}`;
}
