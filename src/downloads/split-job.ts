import { join } from 'node:path';
import type { BenchmarkDefinition } from '../benchmarks/benchmark.js';
import type { Catalogue, SplitEntry } from '../datasets/catalogue-schema.js';
import type { FileSource } from '../fetch/download-file.js';
import type { Requests } from '../fetch/http.js';
import { type HubAddress, movedToHub } from '../fetch/hub-address.js';
import { UserError } from '../shared/errors.js';
import { insideFolder } from '../shared/inside-folder.js';
import type { TransferProgress } from '../terminal/transfer-progress.js';
import type { Upstream } from './upstream-changes.js';

/** Where images come from: the benchmark's own archives, or a parquet mirror on the Hugging Face hub. */
export type ImageOrigin = 'official' | 'hf';

export interface DownloadTools {
  catalogue: Catalogue;
  requests: Requests;
  /** Each benchmark has a folder with its name in here. */
  root: string;
  signal?: AbortSignal;
  progress: TransferProgress;
  origin: ImageOrigin;
  upstream: Upstream;
  /** Hash local files, and download changed ones again. */
  verify?: boolean;
}

/** The download of one split. */
export interface SplitJob {
  definition: BenchmarkDefinition;
  split: SplitEntry;
  /** The benchmark's folder. */
  folder: string;
  tools: DownloadTools;
  hub: HubAddress;
  /** URLs that have changed upstream and are to be downloaded again. */
  stale: ReadonlySet<string>;
  /** So far: bytes transferred, and bytes saved by reading files in parts. */
  traffic: { transferredBytes: number; savedBytes: number };
}

/** The URLs of an asset, at the hub's address. */
export function urlsOf({ hub }: SplitJob, { urls }: Pick<FileSource, 'urls'>): string[] {
  return urls.map((url) => movedToHub(hub, url));
}

/** Whether the local copy of an asset is to be replaced. */
export function isStale(job: SplitJob, asset: Pick<FileSource, 'urls'>): boolean {
  return urlsOf(job, asset).some((url) => job.stale.has(url));
}

/** Complete archives that are kept for the benchmarks that need them. */
export function archiveFolder(root: string): string {
  return join(root, 'archives');
}

/** Names of the images in a split's questions. */
export async function imagesOf({
  definition,
  split,
  folder,
}: Pick<SplitJob, 'definition' | 'split' | 'folder'>): Promise<string[]> {
  const { questions } = await definition.load(folder, { split: split.name, protocol: 'llava', images: false });
  return [...new Set(questions.flatMap(({ image }) => (image === null ? [] : [image])))];
}

/** The path of an image. @throws UserError when the name, which is untrusted, points outside the folder */
export function imagePath(folder: string, name: string): string {
  const path = insideFolder(folder, name);
  if (path === null) throw new UserError(`The image ${JSON.stringify(name)} is outside ${folder}.`);
  return path;
}
