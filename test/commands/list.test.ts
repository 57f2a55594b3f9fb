import assert from 'node:assert/strict';
import test from 'node:test';
import { BENCHMARKS } from '../../src/benchmarks/registry.js';
import { listCommand } from '../../src/commands/list.js';
import { printed } from './print.js';

test('the table has a line per split, with counts and who scores it', async () => {
  const { code, stdout } = await printed(() => listCommand({ json: false }));
  assert.equal(code, 0);
  const lines = stdout.split('\n').slice(2);
  assert.equal(lines.length, BENCHMARKS.flatMap(({ splits }) => splits).length);
  assert.match(stdout, /^textvqa +val +5,000 +3,166 +1\.6 +VQA accuracy \(M4C\) +here/m);
});

test('the JSON has every benchmark with its splits', async () => {
  const { stdout } = await printed(() => listCommand({ json: true }));
  const list = JSON.parse(stdout) as { name: string; splits: { questionsPerImage: number | null }[] }[];
  assert.deepEqual(
    list.map(({ name }) => name),
    BENCHMARKS.map(({ name }) => name),
  );
  assert.equal(list.find(({ name }) => name === 'textvqa')!.splits[0]!.questionsPerImage, 5000 / 3166);
});
