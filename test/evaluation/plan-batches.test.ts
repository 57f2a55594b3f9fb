import assert from 'node:assert/strict';
import test from 'node:test';
import type { Question } from '../../src/benchmarks/benchmark.js';
import { autoBatchSize, groupByImage, planBatches } from '../../src/evaluation/plan-batches.js';

const questions = (...images: (string | null)[]): Question[] =>
  images.map((image, index) => ({ index, questionId: index, image, text: `question ${index}` }));

const indices = (groups: { questions: Question[] }[]): number[][] =>
  groups.map((group) => group.questions.map(({ index }) => index));

test('questions are grouped by image in the order images first appear', () => {
  const groups = groupByImage(questions('b', 'a', 'b', null, 'a', null));
  assert.deepEqual(
    groups.map(({ image }) => image),
    ['b', 'a', null],
  );
  assert.deepEqual(indices(groups), [
    [0, 2],
    [1, 4],
    [3, 5],
  ]);
});

test('an image with more questions than fit a row gets several groups', () => {
  assert.deepEqual(indices(groupByImage(questions('a', 'a', 'a', 'b', 'a', 'a'), 2)), [[0, 1], [2, 4], [3], [5]]);
});

test('batches hold every group once, equally full ones together', () => {
  const groups = groupByImage(questions('a', 'b', 'b', 'c', 'd', 'd', 'd'));
  const batches = planBatches(groups, 2);
  assert.deepEqual(batches.map(indices), [
    [
      [4, 5, 6],
      [1, 2],
    ],
    [[0], [3]],
  ]);
});

test('the automatic batch size fills a batch with prompt tokens, from 1 to 16 rows', () => {
  assert.equal(autoBatchSize('cpu', 1100), 2);
  assert.equal(autoBatchSize('cuda', 1100), 7);
  assert.equal(autoBatchSize('cpu', 5000), 1);
  assert.equal(autoBatchSize('cpu', 20), 16);
});
