import { join } from 'node:path';
import type { BenchmarkDefinition } from '../benchmarks/benchmark.js';
import { benchmarkEntry, modelEntry, readCatalogue, splitEntry, withOwnDownloads } from '../datasets/catalogue.js';
import type { Catalogue, ModelEntry } from '../datasets/catalogue-schema.js';
import { openRequests } from '../fetch/http.js';
import { byteSize } from '../shared/byte-size.js';
import { defaultDataFolder } from '../shared/cache-folder.js';
import { messageStream, say } from '../shared/log.js';
import { startTransferProgress } from '../terminal/transfer-progress.js';
import { type DownloadedModel, downloadModel } from './download-model.js';
import { downloadSplit, isSplitThere } from './download-split.js';
import type { Upstream } from './upstream-changes.js';

/** Downloads made by other commands, into the default folders, with progress on stderr. */
export interface Downloads {
  catalogue: Catalogue;
  model(entry: ModelEntry, upstream: Upstream, signal?: AbortSignal, verify?: boolean): Promise<DownloadedModel>;
  /** The checkpoint of a name in datasets.json, under the name it has there; null when there is no such name. */
  namedModel(name: string): Promise<(DownloadedModel & { name: string }) | null>;
  /** @returns the benchmark's folder, without network access if the split is already there */
  benchmark(definition: BenchmarkDefinition, split: string | undefined, signal: AbortSignal): Promise<string>;
  close(): Promise<void>;
}

/**
 * Downloads by datasets.json, with one set of connections until `close`.
 * @throws UserError when datasets.json is invalid; from its methods when something cannot be downloaded
 */
export async function openDownloads(offline: boolean, catalogue?: Catalogue): Promise<Downloads> {
  const known = catalogue ?? (await readCatalogue());
  const requests = openRequests({ offline });
  const model = (
    entry: ModelEntry,
    upstream: Upstream,
    signal?: AbortSignal,
    verify = false,
  ): Promise<DownloadedModel> => {
    const progress = startTransferProgress(messageStream());
    return downloadModel(entry, requests, { signal, progress, upstream, verify }).finally(progress.stop);
  };
  return {
    catalogue: known,
    model,
    async namedModel(name) {
      const entry = modelEntry(known, name);
      return entry && { name: entry.name, ...(await model(entry, 'ignore')) };
    },
    async benchmark(definition, split, signal) {
      const root = defaultDataFolder();
      const own = withOwnDownloads(known, [definition]);
      const benchmark = benchmarkEntry(own, definition.name);
      const entry = splitEntry(benchmark, split);
      if (await isSplitThere(definition, entry, root)) return join(root, definition.name);
      const progress = startTransferProgress(messageStream());
      progress.log(`Downloading ${definition.name} ${entry.name} into ${join(root, definition.name)}`);
      const note = noteOf(definition, entry.name);
      progress.log(`Licence: ${benchmark.licence.text}${note === undefined ? '' : `. Note: ${note}`}`);
      const tools = {
        catalogue: own,
        requests,
        root,
        signal,
        progress,
        origin: 'official',
        upstream: 'ignore',
      } as const;
      const { folder, transferredBytes, savedBytes } = await downloadSplit(definition, entry, tools).finally(
        progress.stop,
      );
      say('info', trafficLine(transferredBytes, savedBytes));
      return folder;
    },
    close: requests.close,
  };
}

/** What is to be known of a split before it is downloaded: a closed server, questions that are asked in another way. */
export function noteOf({ splits }: BenchmarkDefinition, split: string): string | undefined {
  return splits.find(({ name }) => name === split)?.note;
}

/** Summary of a download. */
export function trafficLine(transferredBytes: number, savedBytes: number): string {
  return `${byteSize(transferredBytes)} downloaded, ${byteSize(savedBytes)} saved by reading files in parts`;
}
