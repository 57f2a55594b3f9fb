import assert from 'node:assert/strict';
import test from 'node:test';
import { BENCHMARKS } from '../../src/benchmarks/registry.js';
import { listCommand } from '../../src/commands/list.js';
import { publishedJson } from './json-schemas.js';
import { printed } from './print.js';

test('the table has a row per split, with counts and where it is scored', async () => {
  const { code, stdout } = await printed(() => listCommand({ json: false, published: false, validate: false }));
  assert.equal(code, 0);
  const lines = stdout.split('\n').slice(2);
  assert.equal(lines.length, BENCHMARKS.flatMap(({ splits }) => splits).length);
  assert.match(stdout, /^textvqa +val +5,000 +3,166 +1\.6 +VQA accuracy \(M4C\) +locally/m);
});

test('the JSON has every benchmark with its splits', async () => {
  const { stdout } = await printed(() => listCommand({ json: true, published: false, validate: false }));
  const list: { name: string; splits: { questionsPerImage: number | null }[] }[] = publishedJson(
    'list',
    stdout,
  ).benchmarks;
  assert.deepEqual(
    list.map(({ name }) => name),
    BENCHMARKS.map(({ name }) => name),
  );
  assert.equal(list.find(({ name }) => name === 'textvqa')!.splits[0]!.questionsPerImage, 5000 / 3166);
});

test('published scores are listed with their sources', async () => {
  const { stdout } = await printed(() => listCommand({ json: false, published: true, validate: false }));
  assert.match(
    stdout,
    /LLaVA-HR-7B +1024 +\[2\] +81\.9 +64\.2 +58\.9 +68\.4 +67\.9 +48\.7 +67\.1 +87\.6 +1554\.9 +64\.2 +31\.5/,
  );
  assert.match(stdout, /\[2\] LLaVA-HR README: https:.*\n {4}scienceqa test: only questions with an image \(IMG\)\n/);
  const [, byLmmsEval] = /\[\d\] LMMs-Eval paper, .*\n((?: {4}.*\n?)+)/.exec(stdout)!;
  assert.match(
    byLmmsEval!,
    /^ {4}vqav2 val, gqa testdev-balanced, okvqa val2014, vizwiz val: measured with lmms-eval/m,
  );
  assert.doesNotMatch(byLmmsEval!, /graded by GPT-4/);
  assert.match(stdout, /^ {4}scienceqa test of LLaVA-HR-7B, LLaVA-HR-13B, LLaVA-HR-X-13B: .* images were not padded/m);
  for (const table of stdout.split(/\n(?=model +size)/)) {
    const sources = [...table.matchAll(/^\[\d+\] (.*)$/gm)].map(([, source]) => source);
    assert.equal(new Set(sources).size, sources.length, 'each source once');
  }
});

test('published scores as JSON', async () => {
  const { stdout } = await printed(() => listCommand({ json: true, published: true, validate: false }));
  const { scores } = publishedJson('list-published', stdout);
  assert.ok(
    scores.length > 50 && scores.every(({ source }: { source: { address: string } }) => /^https:/.test(source.address)),
  );
});

test('the check of datasets.json prints how much there is, also as JSON', async () => {
  const text = await printed(() => listCommand({ json: false, published: false, validate: true }));
  const json = await printed(() => listCommand({ json: true, published: false, validate: true }));
  const { benchmarks, splits, files, models } = publishedJson('list-validate', json.stdout);
  assert.equal(benchmarks, BENCHMARKS.length);
  assert.equal(
    text.stdout.trim(),
    `datasets.json is valid: ${benchmarks} benchmarks, ${splits} splits, ${files} files, ${models} models`,
  );
  const ofOne = listCommand({ json: false, published: false, validate: true }, 'pope');
  await assert.rejects(ofOne, { exitCode: 2, message: /whole datasets\.json: leave out pope/ });
});
