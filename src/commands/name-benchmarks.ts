import type { BenchmarkDefinition } from '../benchmarks/benchmark.js';
import { BENCHMARKS, findBenchmark, selectBenchmarks } from '../benchmarks/registry.js';
import { modelEntry, readCatalogue } from '../datasets/catalogue.js';
import { sampleModel } from '../evaluation/sample.js';
import { UserError, usageError } from '../shared/errors.js';

/**
 * The one list of benchmarks that a command takes.
 * @param command its name
 * @param args its arguments as given
 * @throws UserError (usage) with the command that was meant, if there are several
 */
export async function oneList(command: string, args: readonly string[]): Promise<string> {
  const [first = '', ...others] = args;
  if (others.length === 0) return first;
  const names = args.flatMap((arg) => arg.split(',')).filter((name) => name !== '');
  if (names.every(isBenchmark)) {
    throw usageError(`Separate several benchmarks with commas, without spaces: llavahr ${command} ${names.join(',')}`);
  }
  const isModelOption = command !== 'download' && others.length === 1 && isBenchmark(first);
  const model = isModelOption ? await modelNamed(others[0]!) : null;
  const hint = model === null ? '' : ` A model is an option: llavahr ${command} ${first} --model ${model}`;
  throw usageError(`${command} takes one argument, not ${args.length}: ${args.join(' ')}.${hint}`);
}

/**
 * `selectBenchmarks`, which also explains the name of a model in the place of a benchmark's.
 * @param hint the command that was meant, for such a name
 */
export async function benchmarksNamed(
  names: string,
  hint: (model: string) => string,
  among = BENCHMARKS,
): Promise<BenchmarkDefinition[]> {
  try {
    return selectBenchmarks(names, among);
  } catch (error) {
    const model = error instanceof UserError ? await modelNamed(names) : null;
    throw model === null ? error : usageError(`${model} is a model, not a benchmark: ${hint(model)}`);
  }
}

function isBenchmark(name: string): boolean {
  try {
    findBenchmark(name);
    return true;
  } catch {
    return false;
  }
}

async function modelNamed(name: string): Promise<string | null> {
  if (sampleModel(name) !== null) return name;
  return modelEntry(await readCatalogue(), name)?.name ?? null;
}
