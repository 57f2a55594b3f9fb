import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findBenchmark } from '../../src/benchmarks/registry.js';
import { readCatalogue } from '../../src/datasets/catalogue.js';
import type { Catalogue, SplitEntry } from '../../src/datasets/catalogue-schema.js';
import { sampleData } from '../../src/evaluation/sample.js';
import type { TransferProgress } from '../../src/terminal/transfer-progress.js';
import { type FileServer, type Route, startFileServer } from '../fetch/file-server.js';
import { makeZip } from '../fetch/zips.js';

/** The splits whose files the embedded samples have. */
export const SAMPLE_SPLITS: Record<string, string> = {
  vqav2: 'val',
  gqa: 'testdev-balanced',
  okvqa: 'val2014',
  scienceqa: 'test',
  vizwiz: 'val',
  textvqa: 'val',
  pope: 'test',
  mme: 'test',
  seed: 'image',
  mmvet: 'test',
  mmbench: 'dev',
  'mmbench-cn': 'dev',
};

export interface Source {
  catalogue: Catalogue;
  split: SplitEntry;
  server: FileServer;
  routes: Record<string, Route>;
  root: string;
}

/**
 * datasets.json with a server of this machine behind its assets, which has the embedded sample in the archives that the
 * benchmark is released in.
 */
export async function serveSample(name: string, route: Partial<Route> = {}): Promise<Source> {
  const catalogue = await readCatalogue();
  const sample = sampleData(name);
  const entry = catalogue.benchmarks.find((benchmark) => benchmark.name === name)!;
  const split = structuredClone(entry.splits.find((one) => one.name === SAMPLE_SPLITS[name])!);
  split.files = split.files.filter(({ to }) => existsSync(join(sample, to)));
  const archives = new Map<string, { name: string; content: Uint8Array }[]>();
  const routes: Record<string, Route> = {};
  const addFolder = async (asset: string, folder: string, prefix: string): Promise<void> => {
    for (const file of await readdir(folder, { recursive: true, encoding: 'utf8' })) {
      if (!(await stat(join(folder, file))).isFile()) continue;
      const members = archives.get(asset) ?? [];
      members.push({ name: prefix + file, content: await readFile(join(folder, file)) });
      archives.set(asset, members);
    }
  };
  for (const file of split.files) {
    const content = await readFile(join(sample, file.to));
    delete file.sha256;
    if (file.member === undefined) routes[`/${file.asset}`] = { body: content, etag: '"1"', ...route };
    else archives.set(file.asset, [...(archives.get(file.asset) ?? []), { name: file.member, content }]);
  }
  for (const images of split.images) {
    if (images.kind === 'members') await addFolder(images.asset, join(sample, images.to), images.prefix);
    if (images.kind === 'archive') {
      const packed = images.to.replace(/\.zip$/, '');
      const [folder, prefix] = packed === 'mm-vet' ? ['images', 'mm-vet/images/'] : [packed, `${packed}/`];
      await addFolder(images.asset, join(sample, folder), prefix);
    }
  }
  for (const [asset, members] of archives) {
    routes[`/${asset}`] = { body: await makeZip(members), etag: '"1"', ...route };
  }
  const server = await startFileServer(routes);
  for (const [id, asset] of Object.entries(catalogue.assets)) {
    const { format, confidence, evidence } = asset;
    catalogue.assets[id] = { urls: [`${server.url}/${id}`], format, confidence, evidence };
  }
  return { catalogue, split, server, routes, root: await mkdtemp(join(tmpdir(), 'download-split-')) };
}

/** A progress display of which only the lines are kept. */
export function logged(log: string[]): TransferProgress {
  return { begin: () => ({ update() {}, end() {} }), log: (line) => void log.push(line), stop() {} };
}

/** The downloaded benchmark asks the same questions about the same images as the sample it was made from. */
export async function assertSameAsSample(name: string, folder: string): Promise<void> {
  const definition = findBenchmark(name);
  const options = { split: SAMPLE_SPLITS[name]!, protocol: 'llava' } as const;
  const expected = await definition.load(sampleData(name), options);
  const found = await definition.load(folder, options);
  assert.deepEqual(found.questions, expected.questions);
  for (const image of new Set(expected.questions.flatMap((question) => question.image ?? []))) {
    assert.deepEqual(Buffer.from(await found.images.read(image)), Buffer.from(await expected.images.read(image)));
  }
  await found.images.close();
  await expected.images.close();
}
