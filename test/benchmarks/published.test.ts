import assert from 'node:assert/strict';
import test from 'node:test';
import { publishedScores } from '../../src/benchmarks/published.js';
import { BENCHMARKS } from '../../src/benchmarks/registry.js';

/** The score to quote: the model's first. */
function quoted(benchmark: string, model: string): number | undefined {
  return publishedScores(benchmark).find((published) => published.model === model)?.score;
}

test("LLaVA's model zoo and LLaVA-HR's README come first", () => {
  assert.equal(quoted('mmvet', 'LLaVA-1.5-13B'), 36.1);
  assert.equal(quoted('scienceqa', 'LLaVA-HR-7B'), 67.9);
  assert.equal(quoted('mmvet', 'LLaVA-HR-X-13B'), 40.3);
  assert.equal(quoted('vqav2', 'LLaVA-HR-13B'), 82.3);
  assert.equal(quoted('seed', 'LLaVA-1.5-7B'), 58.6);
});

test('the columns are those of the tables: a value of each', () => {
  const ofX = ['vqav2', 'gqa', 'okvqa', 'ocrvqa', 'scienceqa', 'vizwiz', 'textvqa', 'mme', 'pope', 'seed', 'mmvet'];
  assert.deepEqual(
    ofX.map((benchmark) => quoted(benchmark, 'LLaVA-HR-X-13B')),
    [82.6, 65.2, 61.5, 69.0, 69.7, 56.6, 70.9, 1487.3, 88.0, 65.3, 40.3],
  );
});

test('LLaVA-1.5 has an OK-VQA score from lmms-eval only and none on OCR-VQA', () => {
  const okvqa = publishedScores('okvqa').filter(({ model }) => model === 'LLaVA-1.5-7B');
  assert.deepEqual(
    okvqa.map(({ score, source }) => [score, source.title]),
    [[53.44, 'LMMs-Eval paper, version 2, table 27']],
  );
  assert.equal(quoted('ocrvqa', 'LLaVA-1.5-7B'), undefined);
});

test('LLaVA-HR paper numbers changed by a later fix have a note; unpublished benchmarks have no scores', () => {
  const fixed = publishedScores('scienceqa').filter(({ note }) => note?.includes('6fe0c7a'));
  assert.deepEqual(
    fixed.map(({ model, score }) => [model, score]),
    [
      ['LLaVA-HR-7B', 65.1],
      ['LLaVA-HR-13B', 68.1],
      ['LLaVA-HR-X-13B', 68.0],
    ],
  );
  assert.deepEqual(publishedScores('constructor'), []);
});

for (const { name, splits } of BENCHMARKS) {
  test(`${name}: splits exist in the registry and every number has a source`, () => {
    const names = splits.map((split) => split.name);
    for (const { split, source, score } of publishedScores(name)) {
      assert.ok(names.includes(split), split);
      assert.match(source.address, /^https:\/\//);
      assert.ok(score > 0);
    }
  });
}
