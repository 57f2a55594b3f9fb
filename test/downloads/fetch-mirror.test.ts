import assert from 'node:assert/strict';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { findBenchmark } from '../../src/benchmarks/registry.js';
import { downloadSplit, isSplitThere, type SplitDownload } from '../../src/downloads/download-split.js';
import { sampleData } from '../../src/evaluation/sample.js';
import { openRequests, type Requests } from '../../src/fetch/http.js';
import type { FileServer, Route } from '../fetch/file-server.js';
import { hubRoutes, startHub } from '../fetch/hub-server.js';
import { assertSameAsSample, logged, type Source, serveSample } from './serve-sample.js';

let requests: Requests;
before(() => {
  requests = openRequests({ retry: { retries: 2, minTimeoutMs: 1 } });
});
after(() => requests.close());

const open: FileServer[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

interface Row {
  key: string;
  image: Uint8Array;
}

/** Row groups of two, with a long column that nobody needs. */
function parquet(column: string, rows: readonly Row[]): Uint8Array {
  return new Uint8Array(
    parquetWriteBuffer({
      columnData: [
        { name: column, data: rows.map(({ key }) => key) },
        { name: 'image', data: rows.map(({ image }) => ({ bytes: image, path: null })) },
        { name: 'lecture', data: rows.map((_, i) => `${i} `.repeat(2000)) },
      ],
      schema: [
        { name: 'schema', num_children: 3 },
        { name: column, type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
        { name: 'image', num_children: 2, repetition_type: 'OPTIONAL' },
        { name: 'bytes', type: 'BYTE_ARRAY', repetition_type: 'OPTIONAL' },
        { name: 'path', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
        { name: 'lecture', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
      ],
      rowGroupSize: 2,
      codec: 'UNCOMPRESSED',
    }),
  );
}

/** The images of a sample in two files, after rows of images that nobody asks about. */
async function serveMirror(
  name: string,
  keyOf: (image: string) => string,
  { change = () => {}, ...route }: Partial<Route> & { change?(file: Buffer): void } = {},
) {
  const source = await serveSample(name);
  const { mirror } = source.split;
  const folder = join(sampleData(name), mirror!.to);
  const rows: Row[] = [];
  for (const image of (await readdir(folder)).sort()) {
    rows.push({ key: keyOf(image), image: await readFile(join(folder, image)) });
  }
  const others: Row[] = Array.from({ length: 20 }, (_, i) => ({ key: `other${i}`, image: Buffer.alloc(100_000, i) }));
  const half = rows.length >> 1;
  const path = mirror!.files.replace(/^\^|-\.\*.*$/g, '');
  const files = {
    [`${path}-00000-of-00002.parquet`]: parquet(mirror!.key.column, [...others, ...rows.slice(0, half)]),
    [`${path}-00001-of-00002.parquet`]: parquet(mirror!.key.column, [...rows.slice(half), rows[0]!]),
    'README.md': Buffer.from('a mirror'),
  };
  for (const file of Object.values(files)) change(Buffer.from(file.buffer, file.byteOffset, file.byteLength));
  // The older name of the repository is tried after the newer one, which does not exist.
  const routes = hubRoutes({ type: 'dataset', name: mirror!.repos.at(-1)!, files, revisions: [mirror!.revision] });
  for (const [at, served] of Object.entries(routes)) if (at.endsWith('.parquet')) Object.assign(served, route);
  const hub = await startHub(routes);
  open.push(source.server, hub);
  const bytes = Object.values(files).reduce((sum, file) => sum + file.length, 0);
  return { source, hub, bytes };
}

const download = ({ catalogue, split, root }: Source, name: string, log: string[] = []): Promise<SplitDownload> =>
  downloadSplit(findBenchmark(name), split, {
    catalogue,
    requests,
    root,
    origin: 'hf',
    upstream: 'ignore',
    progress: logged(log),
  });

/** Questions of the sample, the last one first. */
async function questionsAbout(name: string): Promise<Map<string, string>> {
  const split = name === 'okvqa' ? 'val2014' : undefined;
  const { questions } = await findBenchmark(name).load(sampleData(name), { split, protocol: 'llava', images: false });
  return new Map(questions.map(({ image, questionId }) => [image!, String(questionId)]));
}

for (const name of ['gqa', 'textvqa', 'pope', 'vizwiz', 'okvqa']) {
  test(`${name}: images of a Parquet mirror get the names that the loader expects`, async () => {
    const questions = await questionsAbout(name);
    const byQuestion = (image: string) => questions.get(image) ?? `none about ${image}`;
    const byName = (image: string) => (name === 'vizwiz' ? image : image.replace(/\.\w+$/, ''));
    const { source, hub, bytes } = await serveMirror(name, name === 'okvqa' ? byQuestion : byName);
    const log: string[] = [];
    const { folder, transferredBytes, savedBytes } = await download(source, name, log);
    await assertSameAsSample(name, folder);
    assert.equal(await isSplitThere(findBenchmark(name), source.split, source.root), true);
    const sent = hub.requests.filter(({ path }) => path.endsWith('.parquet')).reduce((sum, one) => sum + one.bytes, 0);
    // Of a small file the directory is read with more than the file has.
    const notSent = bytes - 'a mirror'.length - sent;
    assert.ok(savedBytes >= notSent && savedBytes - notSent < 2 * 65_536, `${savedBytes} saved, ${notSent} not sent`);
    assert.ok(savedBytes > 15 * 100_000, String(savedBytes));
    assert.ok(transferredBytes >= sent);
    assert.match(log.join('\n'), /images from 2 Parquet files .*\n.* in \d+ requests, .* saved/);
    const asked = hub.requests.length;
    await download(source, name);
    assert.equal(hub.requests.length, asked, 'the second time needs no network');
  });
}

test('without range support, complete files are downloaded and kept', async () => {
  const { source } = await serveMirror('gqa', (image) => image.replace('.jpg', ''), { ranges: false });
  const log: string[] = [];
  const { folder } = await download(source, 'gqa', log);
  await assertSameAsSample('gqa', folder);
  assert.match(log.join('\n'), /the server does not support range requests: downloading the whole file/);
  const kept = (await readdir(join(source.root, 'archives'))).filter((name) => name.endsWith('.parquet'));
  assert.equal(kept.length, 2);
});

test('the error for a mirror with missing images or columns says what to do', async () => {
  const [first] = (await readdir(join(sampleData('gqa'), 'images'))).sort();
  const renamed = (image: string) => (image === first ? 'another' : image.replace('.jpg', ''));
  const { source } = await serveMirror('gqa', renamed);
  const wanted = (await readdir(join(sampleData('gqa'), 'images'))).length;
  await assert.rejects(download(source, 'gqa'), {
    name: 'UserError',
    message: new RegExp(
      `^lmms-lab/GQA does not have 1 of ${wanted} images: ${first}\\. Use --source official to download the rest\\.$`,
    ),
  });
  await rm(join(source.root, 'gqa', 'images'), { recursive: true, force: true });
  source.split.mirror = { ...source.split.mirror!, key: { column: 'imageId', of: 'image' } };
  await assert.rejects(download(source, 'gqa'), {
    message: /has no "imageId" column or no images, unlike lmms-lab\/GQA; its columns are id, image, lecture\./,
  });
});

test('a page that exhausts memory is an error and does not affect this process', async () => {
  // The levels of the two images of a page and the length of the first, which is a JPEG, become a run of 2^31 levels.
  const levels = Buffer.from('030a00', 'hex');
  let changed = 0;
  const change = (file: Buffer): void => {
    for (let jpeg = file.indexOf('ffd8ff', 0, 'hex'); jpeg >= 0; jpeg = file.indexOf('ffd8ff', jpeg + 1, 'hex')) {
      if (!file.subarray(jpeg - 7, jpeg - 4).equals(levels)) continue;
      file.write('feffffff0f', jpeg - 7, 'hex');
      changed++;
    }
  };
  const { source } = await serveMirror('gqa', (image) => image.replace('.jpg', ''), { change });
  assert.ok(changed > 0, 'the Parquet writer has changed');
  await assert.rejects(download(source, 'gqa'), {
    name: 'UserError',
    // Depends on the version of Node.js: the heap is full, garbage collection takes too long, or the array is too long.
    message:
      /\.parquet (is damaged: reading it (crashed the reader process \(SIG\w+\)|hung \(.*\))\. Use --source official|cannot be read as a Parquet file: Invalid array length\. Download it again)\.$/,
  });
});

test('a split without a mirror is refused before anything is fetched', async () => {
  const source = await serveSample('mme');
  open.push(source.server);
  await assert.rejects(download(source, 'mme'), {
    exitCode: 2,
    message: 'datasets.json lists no Hugging Face mirror for mme test. Use --source official.',
  });
  assert.equal(source.server.requests.length, 0);
});
