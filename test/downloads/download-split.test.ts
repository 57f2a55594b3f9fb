import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { BENCHMARKS, findBenchmark } from '../../src/benchmarks/registry.js';
import { readCatalogue } from '../../src/datasets/catalogue.js';
import type { Catalogue, SplitEntry } from '../../src/datasets/catalogue-schema.js';
import { lockFile } from '../../src/downloads/download-lock.js';
import { downloadSplit, isSplitThere } from '../../src/downloads/download-split.js';
import { deadImages } from '../../src/downloads/fetch-addresses.js';
import type { ImageOrigin } from '../../src/downloads/split-job.js';
import type { TransferProgress } from '../../src/downloads/transfer-progress.js';
import type { Upstream } from '../../src/downloads/upstream-changes.js';
import { sampleData } from '../../src/evaluation/sample.js';
import { openRequests, type Requests } from '../../src/fetch/http.js';
import { type FileServer, type Route, startFileServer } from '../fetch/file-server.js';
import { makeZip } from '../fetch/zips.js';

let requests: Requests;
before(() => {
  requests = openRequests({ retry: { retries: 2, minTimeoutMs: 1 } });
});
after(() => requests.close());

/** The splits whose files the embedded samples have. */
const SAMPLE_SPLITS: Record<string, string> = {
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
};

interface Source {
  catalogue: Catalogue;
  split: SplitEntry;
  server: FileServer;
  root: string;
}

/**
 * datasets.json with a server of this machine behind its assets, which has the embedded sample in the archives that the
 * benchmark is released in.
 */
async function serveSample(name: string, route: Partial<Route> = {}): Promise<Source> {
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
  return { catalogue, split, server, root: await mkdtemp(join(tmpdir(), 'download-split-')) };
}

const download = (
  { catalogue, split, root }: Source,
  name: string,
  log: string[] = [],
  { origin = 'official', upstream = 'ignore' }: { origin?: ImageOrigin; upstream?: Upstream } = {},
) =>
  downloadSplit(findBenchmark(name), split, {
    ...{ catalogue, requests, root, origin, upstream },
    progress: logged(log),
  });

/** A progress display of which only the lines are kept. */
function logged(log: string[]): TransferProgress {
  return { begin: () => ({ update() {}, end() {} }), log: (line) => void log.push(line), stop() {} };
}

/** The downloaded benchmark asks the same questions about the same images as the sample it was made from. */
async function assertSameAsSample(name: string, folder: string): Promise<void> {
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

for (const [name] of Object.entries(SAMPLE_SPLITS)) {
  test(`${name}: what is downloaded is what the loader reads`, async () => {
    const source = await serveSample(name);
    try {
      assert.equal(await isSplitThere(findBenchmark(name), source.split, source.root), false);
      const { folder } = await download(source, name);
      await assertSameAsSample(name, folder);
      assert.equal(await isSplitThere(findBenchmark(name), source.split, source.root), true);
      const before = source.server.requests.length;
      await download(source, name);
      assert.equal(source.server.requests.length, before, 'the second time needs no network');
    } finally {
      await source.server.close();
    }
  });
}

test('every benchmark is tried here, but for the one with an address per image', () => {
  const missing = BENCHMARKS.map(({ name }) => name).filter((name) => !(name in SAMPLE_SPLITS));
  assert.deepEqual(missing, ['ocrvqa']);
});

test('OCR-VQA: covers come from their own addresses, and dead ones are reported', async () => {
  const images = join(sampleData('ocrvqa'), 'images');
  const names = await readdir(images);
  const routes: Record<string, Route> = {};
  for (const name of names.slice(1)) routes[`/${name}`] = { body: { file: join(images, name) } };
  const server = await startFileServer(routes);
  const annotations = JSON.parse(await readFile(join(sampleData('ocrvqa'), 'dataset.json'), 'utf8')) as Record<
    string,
    { imageURL: string }
  >;
  for (const [key, record] of Object.entries(annotations)) record.imageURL = `${server.url}/${key}.jpg`;
  const root = await mkdtemp(join(tmpdir(), 'download-ocrvqa-'));
  const file = join(root, 'dataset.json');
  await writeFile(file, JSON.stringify(annotations));
  routes['/dataset'] = { body: { file } };
  const catalogue = await readCatalogue();
  catalogue.assets['ocrvqa-dataset'] = {
    urls: [`${server.url}/dataset`],
    format: 'json',
    confidence: 'computed',
    evidence: '',
  };
  const split = catalogue.benchmarks.find(({ name }) => name === 'ocrvqa')!.splits[0]!;
  const log: string[] = [];
  const { folder, missingImages } = await downloadSplit(findBenchmark('ocrvqa'), split, {
    ...{ catalogue, requests, root, origin: 'official', upstream: 'ignore' },
    progress: logged(log),
  });
  await server.close();
  assert.equal(missingImages, 1);
  const reason = `${server.url}/${names[0]} answered 404: it is not there (any more)`;
  assert.ok(log.includes(`  dead: ${reason}`), log.join('\n'));
  assert.deepEqual(await deadImages.read(folder), { [names[0]!]: { url: `${server.url}/${names[0]}`, reason } });
  assert.equal(
    await isSplitThere(findBenchmark('ocrvqa'), split, root),
    true,
    'a dead address is no reason to try again',
  );
  await rm(join(folder, 'images', names[1]!));
  assert.equal(await isSplitThere(findBenchmark('ocrvqa'), split, root), false);
  assert.deepEqual((await readdir(join(folder, 'images'))).sort(), names.slice(2).sort());
});

test('a server without ranges gives its whole archive, which is kept', async () => {
  const source = await serveSample('textvqa', { ranges: false });
  const log: string[] = [];
  const { folder } = await download(source, 'textvqa', log);
  await assertSameAsSample('textvqa', folder);
  assert.match(log.join('\n'), /cannot be read in parts: the server sends it whole\n {2}fetching all of it/);
  assert.deepEqual(await readdir(join(source.root, 'archives')), ['downloads.json', 'textvqa-images.zip']);
  await source.server.close();
});

test('a file records where it came from, and a wrong one is not kept', async () => {
  const source = await serveSample('okvqa');
  const { folder } = await download(source, 'okvqa');
  const lock = await lockFile.read(folder);
  assert.equal(
    lock?.files['mscoco_val2014_annotations.json']?.url,
    `${source.server.url}/okvqa-annotations#mscoco_val2014_annotations.json`,
  );
  await rm(folder, { recursive: true });
  source.split.files[0]!.sha256 = '0'.repeat(64);
  await assert.rejects(download(source, 'okvqa'), {
    message: /has the sha256 [0-9a-f]{64}, not 0+\. It was not kept\./,
  });
  assert.equal(existsSync(join(folder, source.split.files[0]!.to)), false);
  await source.server.close();
});

test('what a person has to fetch is said with its place and checked', async () => {
  const source = await serveSample('seed');
  const file = join(source.root, 'seed', 'SEED-Bench.json');
  await download(source, 'seed');
  const sample = JSON.parse(await readFile(file, 'utf8')) as {
    questions: { data_type: string; question_id: string }[];
  };
  const [first, second] = sample.questions;
  Object.assign(first!, { data_type: 'video', question_id: '901' });
  Object.assign(second!, { data_type: 'video', question_id: '902' });
  await writeFile(file, JSON.stringify(sample));
  source.split = { ...source.split, name: 'all' };
  const entry = source.catalogue.benchmarks.find(({ name }) => name === 'seed')!.splits[0]!;
  const manual = entry.images.find(({ kind }) => kind === 'manual')!;
  source.split.images.push(manual);
  const folder = join(source.root, 'seed', manual.to);
  await assert.rejects(download(source, 'seed'), {
    name: 'UserError',
    message: new RegExp(
      `^A person has to fetch ${folder}: see https://github\\.com/AILab-CVC/.*\\n2 of 2 files are missing: ${manual.to}/\\d+_901\\.png`,
    ),
  });
  assert.equal(await isSplitThere(findBenchmark('seed'), source.split, source.root), false);
  await mkdir(folder);
  const names = sample.questions.slice(0, 2) as unknown as { question_type_id: number; question_id: string }[];
  for (const { question_type_id: type, question_id: id } of names)
    await writeFile(join(folder, `${type}_${id}.png`), '');
  await download(source, 'seed');
  assert.equal(await isSplitThere(findBenchmark('seed'), source.split, source.root), true);
  await source.server.close();
});
