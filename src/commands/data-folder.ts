import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchmarkDefinition } from '../benchmarks/benchmark.js';
import type { DownloadsOnDemand } from '../downloads/downloads-on-demand.js';
import { isSampleModel, sampleData } from '../evaluation/sample.js';

/** Command line options that determine where a benchmark's files are. */
export interface DataChoice {
  data: string | undefined;
  /** Default: the embedded model. */
  model: string | undefined;
  /** Whether a server answers instead of the model. */
  isServed: boolean;
  split: string | undefined;
  /** Whether this is the only benchmark; with several, each has a folder named after it in `data`. */
  alone: boolean;
}

/**
 * Folder with a benchmark's files. Without `data`, embedded models use the embedded sample; for other models the benchmark
 * is downloaded.
 */
export async function dataFolder(
  definition: BenchmarkDefinition,
  { data, model, isServed, split, alone }: DataChoice,
  downloads: DownloadsOnDemand,
  signal: AbortSignal,
): Promise<string> {
  const { name } = definition;
  if (data !== undefined) return alone && !existsSync(join(data, name)) ? data : join(data, name);
  if (!isServed && (model === undefined || isSampleModel(model))) return sampleData(name);
  return (await downloads.open()).benchmark(definition, split, signal);
}
