import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { PACKAGE_ROOT } from '../../src/shared/package-root.js';
import { serveSample } from '../downloads/serve-sample.js';
import { COMMIT, hubRoutes } from '../fetch/hub-server.js';
import { readLines, resultFolder, start, testFolder } from './cli.js';

const CHECKPOINT = join(PACKAGE_ROOT, 'sample', 'models', 'llava-1.5-tiny');
const CHECKPOINT_FILES = ['config.json', 'tokenizer.model', 'model.safetensors'];

test('eval of a model name downloads split and checkpoint, exports, runs and scores; the second time it downloads nothing', async () => {
  const folder = await testFolder();
  const { catalogue, split, server, routes } = await serveSample('textvqa');
  try {
    const files = await Promise.all(
      CHECKPOINT_FILES.map(async (name) => [name, await readFile(join(CHECKPOINT, name))] as const),
    );
    Object.assign(routes, hubRoutes({ type: 'model', name: 'some/model', files: Object.fromEntries(files) }));
    const model = { name: 'of-the-hub', repo: 'some/model', revision: null, licence: '' };
    catalogue.models = [{ ...model, confidence: 'computed', evidence: '' }];
    catalogue.benchmarks.find(({ name }) => name === 'textvqa')!.splits = [split];
    const datasets = join(folder, 'datasets.json');
    await writeFile(datasets, JSON.stringify(catalogue));
    const output = join(folder, 'results');
    const run = (): ReturnType<typeof start>['result'] =>
      start(folder, ['eval', 'textvqa', '--model', 'of-the-hub', '--limit', '4', '--output', output], {
        LLAVAHR_DATASETS: datasets,
        HF_ENDPOINT: server.url,
        HF_HUB_CACHE: join(folder, 'hub'),
        LLAVAHR_DATA: join(folder, 'data'),
      }).result;

    const first = await run();
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stdout, /textvqa val, of-the-hub at 112 px, fp32 on cpu/);
    assert.match(first.stdout, /accuracy \(%\)/);
    const steps = [
      /model\.safetensors of some\/model \(6\.2 MB\)/,
      /Exporting of-the-hub in fp32 to .*of-the-hub-fp32-/,
      /Downloading textvqa val into .*data\/textvqa/,
      /TextVQA_0\.5\.1_val\.json, from http:/,
      /\d+ of \d+ images from http:/,
      /MB downloaded, .* MB saved/,
      /4\/4/,
    ];
    const places = steps.map((step) => first.stderr.search(step));
    assert.ok(!places.includes(-1), first.stderr);
    assert.deepEqual(
      places,
      [...places].sort((a, b) => a - b),
    );
    assert.ok(server.requests.some(({ path }) => path === `/some/model/resolve/${COMMIT}/model.safetensors`));
    const lines = readLines(await resultFolder(output));
    assert.equal(lines.filter(({ text }) => text !== null).length, 4);

    const count = server.requests.length;
    const second = await run();
    assert.equal(second.code, 0, second.stderr);
    assert.equal(second.stdout, first.stdout);
    assert.equal(server.requests.length, count);
    assert.doesNotMatch(second.stderr, /Exporting|Downloading|MB/);
  } finally {
    await server.close();
  }
});
