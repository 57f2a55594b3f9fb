import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { LoadedBenchmark, Protocol } from '../benchmarks/benchmark.js';
import { loadCustom } from '../benchmarks/custom.js';
import type { CustomMetric } from '../benchmarks/custom-metrics.js';
import { findBenchmark } from '../benchmarks/registry.js';
import { differences, type OptionValue, type RunIdentity } from '../results/runs/run-identity.js';
import { defaultDataFolder } from '../shared/cache-folder.js';
import { messageOf, UserError, usageError } from '../shared/errors.js';
import { sha256OfFile } from '../shared/file-hash.js';
import { sampleData } from './sample.js';

/** Where the annotations are, as they were named to eval. */
export interface AskedData {
  data?: string;
  /** The folder that the run's record names; it may be on another machine. */
  recorded?: string;
  /** Of the benchmark `custom`. */
  questions?: string;
}

/**
 * Loads the benchmark that a run was asked, without its images. Nothing is downloaded: without `data` the recorded folder,
 * the embedded sample and the downloaded benchmark are tried.
 * @throws UserError when no folder holds the files, by their hashes, that the run was made from
 */
export async function loadAskedBenchmark(identity: RunIdentity, named: AskedData): Promise<LoadedBenchmark> {
  const { benchmark: name } = identity;
  if (name === 'custom' && named.questions === undefined) throw usageError('A custom run needs --questions, as eval.');
  const folders = name === 'custom' ? [named.questions!] : candidateFolders(name, named);
  const reasons: string[] = [];
  for (const folder of folders) {
    try {
      const benchmark = await load(identity, folder);
      const problem = await differenceOf(benchmark, identity);
      if (problem === null) return benchmark;
      reasons.push(`${folder}: ${problem}`);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      reasons.push(`${folder}: ${messageOf(error)}`);
    }
  }
  throw new UserError(
    `The files that the run was made from are not here. Give the same --data as to eval.\n  ${reasons.join('\n  ')}`,
  );
}

function candidateFolders(name: string, { data, recorded }: AskedData): string[] {
  if (data === undefined) {
    return [...new Set([...(recorded ? [recorded] : []), sampleData(name), join(defaultDataFolder(), name)])];
  }
  return [existsSync(join(data, name)) ? join(data, name) : data];
}

async function load({ benchmark, split, protocol }: RunIdentity, path: string): Promise<LoadedBenchmark> {
  const limit = optional<number>(protocol['limit']);
  if (benchmark === 'custom') return loadCustom({ questions: path, metric: protocol['metric'] as CustomMetric, limit });
  return findBenchmark(benchmark).load(path, {
    split,
    protocol: protocol['protocol'] as Protocol,
    ocrTokens: optional<boolean>(protocol['ocrTokens']),
    limit,
    images: false,
  });
}

function optional<T extends OptionValue>(value: OptionValue | undefined): T | undefined {
  return (value as T | null) ?? undefined;
}

/** How a loaded benchmark is another than the one that was asked; null when it is that one. */
async function differenceOf(benchmark: LoadedBenchmark, identity: RunIdentity): Promise<string | null> {
  const dataFiles: Record<string, string> = {};
  for (const path of benchmark.files) dataFiles[basename(path)] = await sha256OfFile(path);
  const { split, protocol } = benchmark;
  const [difference] = differences(identity, { ...identity, split, protocol, dataFiles });
  if (difference === undefined) return null;
  const { field, first, second } = difference;
  return `${field} is ${JSON.stringify(second)} here and ${JSON.stringify(first)} in the run`;
}
