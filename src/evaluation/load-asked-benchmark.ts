import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchmarkDefinition, LoadedBenchmark } from '../benchmarks/benchmark.js';
import { checkOptions } from '../benchmarks/benchmark-options.js';
import { loadAsked, recordedOptions } from '../benchmarks/question-selection.js';
import { EVALUABLE, findBenchmark, readTaskBenchmark } from '../benchmarks/registry.js';
import { differences, type RunIdentity } from '../results/runs/run-identity.js';
import { defaultDataFolder } from '../shared/cache-folder.js';
import { messageOf, UserError, usageError } from '../shared/errors.js';
import { hashDataFiles } from './data-files.js';
import { sampleData } from './sample.js';

/** Where the annotations are. */
export interface AskedData {
  data?: string;
  /** Folder recorded by the run; it may be on another machine. */
  recorded?: string;
  /** Questions file of the benchmark `custom`. */
  questions?: string;
  /** Path of the benchmark's task file, if it is not one of llavahr's own. */
  task?: string;
}

/**
 * Loads the benchmark of a run, without its images. Nothing is downloaded: without `data`, the recorded folder, the embedded
 * sample and the downloaded benchmark are tried in this order.
 * @throws UserError if no folder contains the run's files, as identified by their hashes
 */
export async function loadAskedBenchmark(identity: RunIdentity, named: AskedData): Promise<LoadedBenchmark> {
  const definition =
    named.task === undefined ? findBenchmark(identity.benchmark, EVALUABLE) : readTaskBenchmark(named.task);
  const { data, questions } = named;
  checkOptions([definition], { data, questions });
  const ownQuestions = definition.options.questions !== undefined;
  if (ownQuestions && questions === undefined) throw usageError('A custom run needs --questions, as given to eval.');
  const paths = ownQuestions ? [questions!] : candidateFolders(definition, named);
  const reasons: string[] = [];
  for (const path of paths) {
    try {
      const benchmark = await load(definition, identity, path);
      const problem = await differenceOf(benchmark, identity);
      if (problem === null) return benchmark;
      reasons.push(`${path}: ${problem}`);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      reasons.push(`${path}: ${messageOf(error)}`);
    }
  }
  throw new UserError(
    `The benchmark files of the run were not found. Give the same --data as to eval.\n  ${reasons.join('\n  ')}`,
  );
}

function candidateFolders({ name, taskFile }: BenchmarkDefinition, { data, recorded }: AskedData): string[] {
  if (data === undefined) {
    const own = taskFile ? taskFile.folder : sampleData(name);
    return [...new Set([...(recorded ? [recorded] : []), own, join(defaultDataFolder(), name)])];
  }
  return [existsSync(join(data, name)) ? join(data, name) : data];
}

/** @param path the benchmark's folder, or the file with the user's own questions */
async function load(
  definition: BenchmarkDefinition,
  { split, protocol }: RunIdentity,
  path: string,
): Promise<LoadedBenchmark> {
  return loadAsked(definition, path, {
    split,
    ...recordedOptions(protocol),
    questions: definition.options.questions === undefined ? undefined : path,
    images: false,
  });
}

/** How a loaded benchmark differs from the run's; null if it does not. */
async function differenceOf(benchmark: LoadedBenchmark, identity: RunIdentity): Promise<string | null> {
  const dataFiles = await hashDataFiles(benchmark);
  const { split, protocol } = benchmark;
  const [difference] = differences(identity, { ...identity, split, protocol, dataFiles });
  if (difference === undefined) return null;
  const { field, first, second } = difference;
  return `${field} is ${JSON.stringify(second)} here and ${JSON.stringify(first)} in the run`;
}
