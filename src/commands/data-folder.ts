import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchmarkDefinition } from '../benchmarks/benchmark.js';
import type { DownloadsOnDemand } from '../downloads/downloads-on-demand.js';
import { isSampleModel, sampleData } from '../evaluation/sample.js';

/** What the command line says about where a benchmark's files are. */
export interface DataChoice {
  data: string | undefined;
  /** The embedded model without it. */
  model: string | undefined;
  split: string | undefined;
  /** Not one of several benchmarks, each of which has a folder of its name in `data`. */
  alone: boolean;
}

/**
 * Where a benchmark's files are. Without `data` the embedded models are asked the embedded samples, and any other model
 * the benchmark itself, which is downloaded.
 */
export async function dataFolder(
  definition: BenchmarkDefinition,
  { data, model, split, alone }: DataChoice,
  downloads: DownloadsOnDemand,
  signal: AbortSignal,
): Promise<string> {
  const { name } = definition;
  if (data !== undefined) return alone && !existsSync(join(data, name)) ? data : join(data, name);
  if (model === undefined || isSampleModel(model)) return sampleData(name);
  return (await downloads.open()).benchmark(definition, split, signal);
}
