import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { BENCHMARKS, findBenchmark } from '../../src/benchmarks/registry.js';
import { readCatalogue } from '../../src/datasets/catalogue.js';
import { recordFile } from '../../src/downloads/download-record.js';
import { downloadSplit, isSplitThere } from '../../src/downloads/download-split.js';
import { deadImages } from '../../src/downloads/fetch-addresses.js';
import type { ImageOrigin } from '../../src/downloads/split-job.js';
import type { Upstream } from '../../src/downloads/upstream-changes.js';
import { sampleData } from '../../src/evaluation/sample.js';
import { openRequests, type Requests } from '../../src/fetch/http.js';
import { type Route, startFileServer } from '../fetch/file-server.js';
import { assertSameAsSample, logged, SAMPLE_SPLITS, type Source, serveSample } from './serve-sample.js';

let requests: Requests;
before(() => {
  requests = openRequests({ retry: { retries: 2, minTimeoutMs: 1 } });
});
after(() => requests.close());

const download = (
  { catalogue, split, root }: Source,
  name: string,
  log: string[] = [],
  { origin = 'official', upstream = 'ignore' }: { origin?: ImageOrigin; upstream?: Upstream } = {},
) =>
  downloadSplit(findBenchmark(name), split, {
    catalogue,
    requests,
    root,
    origin,
    upstream,
    progress: logged(log),
  });

for (const [name] of Object.entries(SAMPLE_SPLITS)) {
  test(`${name}: the loader reads the download`, async () => {
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

test('every benchmark is tested here, except the one with a URL per image and those of hub-files.test.ts', async () => {
  const { benchmarks } = await readCatalogue();
  const fromHub = benchmarks.filter(({ splits }) => splits.some(({ hub }) => hub)).map(({ name }) => name);
  const missing = BENCHMARKS.map(({ name }) => name).filter((name) => !(name in SAMPLE_SPLITS));
  assert.deepEqual(missing, ['ocrvqa', ...fromHub]);
});

test('OCR-VQA: covers come from their own URLs, and dead links are reported', async () => {
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
    catalogue,
    requests,
    root,
    origin: 'official',
    upstream: 'ignore',
    progress: logged(log),
  });
  await server.close();
  assert.equal(missingImages, 1);
  const reason = `${server.url}/${names[0]} answered 404: not found`;
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

test('without range support, the complete archive is downloaded and kept', async () => {
  const source = await serveSample('textvqa', { ranges: false });
  const log: string[] = [];
  const { folder } = await download(source, 'textvqa', log);
  await assertSameAsSample('textvqa', folder);
  assert.match(
    log.join('\n'),
    /cannot be read in parts: the server does not support range requests\n {2}downloading the whole archive/,
  );
  assert.deepEqual(await readdir(join(source.root, 'archives')), ['downloads.json', 'textvqa-images.zip']);
  await source.server.close();
});

test('the source of a file is recorded, and a wrong file is deleted', async () => {
  const source = await serveSample('okvqa');
  const { folder } = await download(source, 'okvqa');
  const record = await recordFile.read(folder);
  assert.equal(
    record?.files['mscoco_val2014_annotations.json']?.url,
    `${source.server.url}/okvqa-annotations#mscoco_val2014_annotations.json`,
  );
  await rm(folder, { recursive: true });
  source.split.files[0]!.sha256 = '0'.repeat(64);
  await assert.rejects(download(source, 'okvqa'), {
    message: /has sha256 [0-9a-f]{64}, expected 0+\. It was deleted\./,
  });
  assert.equal(existsSync(join(folder, source.split.files[0]!.to)), false);
  await source.server.close();
});

test('manual downloads are explained and checked', async () => {
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
      `^${folder} must be downloaded manually: see https://github\\.com/AILab-CVC/.*\\n2 of 2 files are missing: ${manual.to}/\\d+_901\\.png`,
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

test('changes upstream are reported, and downloaded on request', async () => {
  const source = await serveSample('pope');
  const { folder } = await download(source, 'pope');
  const name = 'coco_pope_random.json';
  const before = await readFile(join(folder, name));
  const log: string[] = [];
  await download(source, 'pope', log, { upstream: 'tell' });
  assert.equal(log.length, 0, 'nothing has changed');
  const route = source.routes['/pope-random']!;
  route.body = Buffer.concat([before, Buffer.from('\n')]);
  source.routes['/coco-val2014']!.etag = '"2"';
  await download(source, 'pope', log, { upstream: 'tell' });
  assert.equal(log.length, 2);
  assert.match(
    log.find((line) => line.includes('pope-random'))!,
    /has changed \(\d+ bytes, \d+ since \d{4}-\d\d-\d\d\): keeping the local copy \(--update downloads it again\)\.$/,
  );
  assert.match(log.find((line) => line.includes('coco-val2014'))!, /has changed \(ETag "2", "1" since/);
  assert.deepEqual(await readFile(join(folder, name)), before);
  await download(source, 'pope', log, { upstream: 'take' });
  assert.deepEqual(await readFile(join(folder, name)), Buffer.from(route.body));
  log.length = 0;
  await download(source, 'pope', log, { upstream: 'tell' });
  assert.deepEqual(log, [], 'the new state is recorded');
  await source.server.close();
  await download(source, 'pope', log, { upstream: 'tell' });
  assert.match(log[0]!, /^Not checked for changes: http.* refused the connection/, 'a dead server is not a failure');
});

test('a manually downloaded file is checked', async () => {
  const source = await serveSample('pope');
  const folder = join(source.root, 'pope');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'coco_pope_random.json'), '<!DOCTYPE html>');
  await assert.rejects(download(source, 'pope'), {
    name: 'UserError',
    message: `${join(folder, 'coco_pope_random.json')} is not the expected file: it is not JSON Lines. Delete it or replace it with the right one.`,
  });
  source.catalogue.assets['pope-random']!.sha256 = '0'.repeat(64);
  await writeFile(join(folder, 'coco_pope_random.json'), '{}');
  await assert.rejects(download(source, 'pope'), {
    message: /not the expected file: its sha256 is [0-9a-f]{64}, not 0+\. Delete it/,
  });
  await source.server.close();
});

test('the error for a failing source explains the manual download', async () => {
  const source = await serveSample('mme');
  source.routes['/mme-release']!.behave = () => ({ status: 404 });
  const page = 'https://example.org/form';
  Object.assign(source.catalogue.assets['mme-release']!, { page, note: 'on request by e-mail' });
  await assert.rejects(download(source, 'mme'), {
    message: `${source.server.url}/mme-release answered 404: not found\nAlternatively download it manually: see ${page} (on request by e-mail), save it as ${join(source.root, 'mme', 'MME_Benchmark_release_version.zip')}, and rerun the command.`,
  });
  await source.server.close();
});

test('an archive that is needed completely is downloaded once, also for its members', async () => {
  const source = await serveSample('mmvet');
  await download(source, 'mmvet');
  const asked = source.server.requests.filter(({ path }) => path === '/mmvet-release');
  assert.deepEqual(
    asked.map(({ range, status }) => [range, status]),
    [[null, 200]],
  );
  assert.equal(existsSync(join(source.root, 'archives')), false);
  await source.server.close();
});
