import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { findBenchmark } from '../../src/benchmarks/registry.js';
import { readCatalogue } from '../../src/datasets/catalogue.js';
import type { SplitEntry } from '../../src/datasets/catalogue-schema.js';
import { downloadSplit, isSplitThere } from '../../src/downloads/download-split.js';
import { splitStates } from '../../src/downloads/inventory.js';
import { sampleData } from '../../src/evaluation/sample.js';
import { openRequests, type Requests } from '../../src/fetch/http.js';
import { hubRoutes, startHub } from '../fetch/hub-server.js';
import { logged } from './serve-sample.js';

let requests: Requests;
before(() => {
  requests = openRequests({ retry: { retries: 2, minTimeoutMs: 1 } });
});
after(() => requests.close());

const catalogue = await readCatalogue();
const fromHub = catalogue.benchmarks.filter(({ splits }) => splits.some(({ hub }) => hub));

/** The embedded sample as the repository that it is downloaded from, with further files. */
async function serve(name: string, split: SplitEntry, more: Record<string, Uint8Array> = {}) {
  const folder = sampleData(name);
  const files: Record<string, Uint8Array> = { 'README.md': Buffer.from('a card'), ...more };
  for (const path of await readdir(folder, { recursive: true, encoding: 'utf8' })) {
    if (/\.\w+$/.test(path)) files[path] = await readFile(join(folder, path));
  }
  const { repos, revision } = split.hub!;
  const routes = hubRoutes({ type: 'dataset', name: repos.at(-1)!, files, revisions: [revision] });
  const hub = await startHub(routes);
  const root = await mkdtemp(join(tmpdir(), 'hub-files-'));
  const log: string[] = [];
  const tools = { catalogue, requests, root, origin: 'official', upstream: 'ignore', progress: logged(log) } as const;
  const close = async (): Promise<void> => {
    await hub.close();
    await rm(root, { recursive: true });
  };
  const download = (verify = false) => downloadSplit(findBenchmark(name), split, { ...tools, verify });
  return { hub, routes, root, log, close, download };
}

for (const { name, splits } of fromHub) {
  test(`${name}: the loader reads the files that the hub has`, async () => {
    const split = splits[0]!;
    const definition = findBenchmark(name);
    const { hub, root, close, download } = await serve(name, split);
    try {
      assert.equal(await isSplitThere(definition, split, root), false);
      const { folder } = await download();
      assert.equal(await isSplitThere(definition, split, root), true);
      const [expected, found] = await Promise.all(
        [sampleData(name), folder].map((data) => definition.load(data, { protocol: 'llava' })),
      );
      assert.deepEqual(found!.questions, expected!.questions);
      const image = expected!.questions[0]!.image!;
      assert.deepEqual(await found!.images.read(image), await expected!.images.read(image));
      await Promise.all([found!.images.close(), expected!.images.close()]);
      const { length } = hub.requests;
      await download();
      assert.equal(hub.requests.length, length, 'the second time needs no network');
    } finally {
      await close();
    }
  });
}

test('a file that was lost is downloaded again, and doctor tells what is there', async () => {
  const { splits } = fromHub.find(({ name }) => name === 'vstar')!;
  const { root, close, download } = await serve('vstar', splits[0]!);
  const state = async () => (await splitStates(catalogue, root, false)).find(({ benchmark }) => benchmark === 'vstar')!;
  try {
    assert.equal((await state()).state, 'not here');
    const { folder } = await download();
    assert.equal((await state()).state, 'complete');
    await rm(join(folder, 'test_questions.jsonl'));
    assert.equal((await state()).state, 'partial');
    await download();
    assert.equal((await state()).state, 'complete');
    await writeFile(join(folder, 'test_questions.jsonl'), '{}');
    assert.equal((await state()).state, 'damaged');
  } finally {
    await close();
  }
});

test('files are replaced only when they are not the downloaded ones, and then kept aside', async () => {
  const { splits } = fromHub.find(({ name }) => name === 'vstar')!;
  const { hub, root, log, close, download } = await serve('vstar', splits[0]!);
  const name = 'test_questions.jsonl';
  const path = join(root, 'vstar', name);
  const content = await readFile(join(sampleData('vstar'), name));
  const fetched = () => hub.requests.filter(({ path }) => path.endsWith(name)).length;
  try {
    await mkdir(join(root, 'vstar'));
    await writeFile(path, content);
    await download();
    assert.equal(fetched(), 0, 'one that was put there by hand is taken');
    await writeFile(path, '{"mine": 1}');
    const image = (await readdir(join(root, 'vstar', 'direct_attributes')))[0]!;
    await rm(join(root, 'vstar', 'direct_attributes', image));
    await download();
    assert.equal(await readFile(path, 'utf8'), '{"mine": 1}');
    assert.ok(log.includes(`${path} was modified after its download. --verify downloads it again.`), log.join('\n'));
    await download(true);
    assert.deepEqual(await readFile(path), content);
    assert.equal(await readFile(`${path}.changed`, 'utf8'), '{"mine": 1}');
  } finally {
    await close();
  }
});

test('a file that one name of the repository does not have is downloaded under another', async () => {
  const { splits } = fromHub.find(({ name }) => name === 'chartqa')!;
  const split = splits[0]!;
  const [first, second] = split.hub!.repos as [string, string];
  const { hub, routes, close, download } = await serve('chartqa', split);
  for (const [path, route] of Object.entries(routes)) {
    if (!path.includes('/resolve/')) routes[path.replace(second, first)] = route;
  }
  try {
    await download();
    const files = hub.requests.filter(({ path }) => path.includes('/resolve/'));
    assert.deepEqual(
      files.map(({ path, status }) => [path.includes(`/${first}/`), status]),
      [
        [true, 404],
        [false, 200],
      ],
    );
  } finally {
    await close();
  }
});

test('a repository with a path that leaves the folder is refused', async () => {
  const { splits } = fromHub.find(({ name }) => name === 'vstar')!;
  const evil = { 'direct_attributes/../../../evil.jpg': Buffer.from('x') };
  const { close, download } = await serve('vstar', splits[0]!, evil);
  try {
    await assert.rejects(download(), { name: 'UserError', message: /unsafe path|invalid|outside/ });
  } finally {
    await close();
  }
});
