import assert from 'node:assert/strict';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { BENCHMARKS } from '../../src/benchmarks/registry.js';
import {
  benchmarkEntry,
  CATALOGUE_PATH,
  catalogueProblems,
  modelEntry,
  readCatalogue,
  splitEntry,
} from '../../src/datasets/catalogue.js';
import type { Catalogue } from '../../src/datasets/catalogue-schema.js';

test('datasets.json has every benchmark and split, in the order of the registry', async () => {
  const { benchmarks } = await readCatalogue();
  const names = (list: readonly { name: string; splits: readonly { name: string }[] }[]) =>
    list.map(({ name, splits }) => [name, splits.map((split) => split.name)]);
  assert.deepEqual(names(benchmarks), names(BENCHMARKS));
});

test('datasets.json has the hashes published by papers and projects', async () => {
  const { assets } = await readCatalogue();
  assert.equal(assets['llava-eval']?.sha256, '2df36a33e3d3947d3e351e627449ee7cc7725d69ecc8dcbb2103d90172fbe17a');
  assert.equal(assets['textvqa-images']?.bytes, 7_072_297_970);
  assert.equal(assets['mme-release']?.sha256, undefined, 'no hash is known');
});

test('an invalid catalogue is an error that gives the position', async () => {
  const path = join(await mkdtemp(join(tmpdir(), 'catalogue-')), 'datasets.json');
  const refused = async (change: (catalogue: Catalogue) => void, message: RegExp): Promise<void> => {
    const catalogue = JSON.parse(await readFile(CATALOGUE_PATH, 'utf8')) as Catalogue;
    change(catalogue);
    await writeFile(path, JSON.stringify(catalogue));
    await assert.rejects(readCatalogue(path), { name: 'UserError', message });
  };
  await refused((c) => {
    c.assets['llava-eval']!.sha256 = 'abc';
  }, /assets\.llava-eval\.sha256 must match pattern/);
  await refused((c) => {
    c.benchmarks[0]!.splits[0]!.files[0]!.to = '../outside.json';
  }, /benchmarks\.0\.splits\.0\.files\.0\.to must match pattern/);
  await refused((c) => {
    c.assets['llava-eval']!.urls[0] = 'file:///etc/passwd';
  }, /assets\.llava-eval\.urls\.0 must match pattern/);
  await refused((c) => {
    (c as unknown as Record<string, unknown>)['extra'] = 1;
  }, /must NOT have additional properties/);
  await refused((c) => {
    c.benchmarks[1]!.splits[0]!.files[0]!.asset = 'nowhere';
  }, /gqa testdev-balanced, testdev_balanced_questions.json refers to the asset "nowhere"/);
  await refused((c) => {
    c.benchmarks[1]!.splits[0]!.files[0]!.asset = 'constructor';
  }, /refers to the asset "constructor", which does not exist/);
  await refused((c) => {
    c.models[0]!.revision = '../../../outside';
  }, /models\.0\.revision must match pattern/);
  await refused((c) => {
    c.benchmarks.flatMap(({ splits }) => splits).find(({ mirror }) => mirror)!.mirror!.files = '(';
  }, /mirror: "\(" is not a regular expression/);
  await writeFile(path, '{');
  await assert.rejects(readCatalogue(path), { message: /cannot be read/ });
});

test('unused assets, duplicate names and assets without a source are reported', async () => {
  const catalogue = await readCatalogue();
  const [first] = catalogue.benchmarks;
  const asset = { urls: [], format: 'zip', confidence: 'page', evidence: '' } as const;
  const changed = {
    ...catalogue,
    assets: { ...catalogue.assets, spare: { ...asset, urls: [] } },
    benchmarks: [...catalogue.benchmarks, first!],
  };
  assert.deepEqual(catalogueProblems(changed), [
    'the benchmark vqav2 is listed twice',
    'the asset "spare" is unused',
    'the asset "spare" has neither urls nor a page',
  ]);
});

test('the error for unknown names lists the known ones', async () => {
  const catalogue = await readCatalogue();
  assert.throws(
    () => benchmarkEntry(catalogue, 'coco'),
    /No downloads are available for "coco"\. Available: vqav2, gqa/,
  );
  assert.throws(
    () => splitEntry(benchmarkEntry(catalogue, 'gqa'), 'test'),
    /gqa has no split "test"\. Did you mean testdev-balanced\? Available: testdev/,
  );
  assert.equal(splitEntry(benchmarkEntry(catalogue, 'vizwiz')).name, 'test');
  assert.equal(modelEntry(catalogue, 'llava-hr-7b')?.repo, 'favor123/llava-hr-7b-sft-1024');
  assert.equal(modelEntry(catalogue, 'gpt'), null);
});
