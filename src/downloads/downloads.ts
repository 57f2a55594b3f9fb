import type { BenchmarkDefinition } from '../benchmarks/benchmark.js';
import { defaultDataFolder } from '../cache-folder.js';
import { benchmarkEntry, modelEntry, readCatalogue, splitEntry } from '../datasets/catalogue.js';
import type { Catalogue, ModelEntry } from '../datasets/catalogue-schema.js';
import { openRequests } from '../fetch/http.js';
import { startByteProgress } from '../results/byte-progress.js';
import { type DownloadedModel, downloadModel } from './download-model.js';
import { downloadSplit, isSplitThere } from './download-split.js';

/** Downloads that a command makes on the way, into the default folders. What is done is said on stderr. */
export interface Downloads {
  catalogue: Catalogue;
  model(entry: ModelEntry, signal?: AbortSignal): Promise<DownloadedModel>;
  /** The checkpoint of a name in datasets.json; null when there is no such name. */
  namedModel(name: string): Promise<DownloadedModel | null>;
  /** @returns the benchmark's folder; nothing is asked of the network when the split is there */
  benchmark(definition: BenchmarkDefinition, split: string | undefined, signal: AbortSignal): Promise<string>;
  close(): Promise<void>;
}

export async function openDownloads(offline: boolean): Promise<Downloads> {
  const catalogue = await readCatalogue();
  const requests = openRequests({ offline });
  const log = (line: string): void => console.error(line);
  const model = (entry: ModelEntry, signal?: AbortSignal): Promise<DownloadedModel> => {
    const progress = startByteProgress(process.stderr);
    return downloadModel(entry, requests, { signal, log, onProgress: progress.update }).finally(progress.stop);
  };
  return {
    catalogue,
    model,
    async namedModel(name) {
      const entry = modelEntry(catalogue, name);
      return entry && model(entry);
    },
    async benchmark(definition, split, signal) {
      const root = defaultDataFolder();
      const entry = splitEntry(benchmarkEntry(catalogue, definition.name), split);
      if (await isSplitThere(definition, entry, root)) return `${root}/${definition.name}`;
      const progress = startByteProgress(process.stderr);
      const tools = { catalogue, requests, root, signal, log, onProgress: progress.update };
      return (await downloadSplit(definition, entry, tools).finally(progress.stop)).folder;
    },
    close: requests.close,
  };
}
