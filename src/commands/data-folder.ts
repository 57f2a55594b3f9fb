import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchmarkDefinition } from '../benchmarks/benchmark.js';
import type { DownloadsOnDemand } from '../downloads/downloads-on-demand.js';
import { isSampleModel, sampleData } from '../evaluation/sample.js';
import { defaultDataFolder } from '../shared/cache-folder.js';

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
 * Folder with a benchmark's files. Without `data`, or a folder for it in that of several benchmarks, a task file's data are beside it,
 * unless they are missing there and it says where to download them; otherwise embedded models use the embedded sample, and for other models the benchmark is downloaded.
 */
export async function dataFolder(
  definition: BenchmarkDefinition,
  { data, model, isServed, split, alone }: DataChoice,
  downloads: DownloadsOnDemand,
  signal: AbortSignal,
): Promise<string> {
  const { name, taskFile } = definition;
  if (data !== undefined) {
    if (existsSync(join(data, name))) return join(data, name);
    if (alone) return data;
    if (!taskFile) return join(data, name);
  }
  if (taskFile) {
    if (!definition.downloads || hasFiles(definition, split, taskFile.folder)) return taskFile.folder;
    return (await downloads.open()).benchmark(definition, split, signal);
  }
  if (!isServed && (model === undefined || isSampleModel(model))) return sampleData(name);
  return (await downloads.open()).benchmark(definition, split, signal);
}

/** Folder with a benchmark's annotations where no model is at hand. @param data as given by the user */
export function annotationFolder(definition: BenchmarkDefinition, data: string | undefined, split?: string): string {
  const { name, taskFile, downloads } = definition;
  if (data !== undefined) return data;
  if (!taskFile) return sampleData(name);
  const downloaded = join(defaultDataFolder(), name);
  const isBeside = !downloads || hasFiles(definition, split, taskFile.folder);
  return isBeside || !hasFiles(definition, split, downloaded) ? taskFile.folder : downloaded;
}

/** Whether a folder has the files that would be downloaded for a split. */
function hasFiles({ downloads }: BenchmarkDefinition, split: string | undefined, folder: string): boolean {
  const splits = downloads?.benchmarks[0]?.splits ?? [];
  const chosen = split === undefined ? splits[0] : splits.find(({ name }) => name === split);
  return [...(chosen?.files ?? []), ...(chosen?.images ?? [])].every(({ to }) => existsSync(join(folder, to)));
}
