import assert from 'node:assert/strict';
import test from 'node:test';
import type { Question } from '../../src/benchmarks/benchmark.js';
import { type BatchLimits, groupByImage, openBatchQueue } from '../../src/evaluation/plan-batches.js';

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

const UNLIMITED: BatchLimits = {
  rows: Number.POSITIVE_INFINITY,
  tokens: Number.POSITIVE_INFINITY,
  bytes: Number.POSITIVE_INFINITY,
  bytesOf: ({ rows, length }) => rows * length,
};

/** Every batch of a queue over groups of the given tokens, one group per image. */
function batchesOf(tokens: number[], limits: Partial<BatchLimits>): number[][] {
  const groups = groupByImage(questions(...tokens.map((_, image) => `image ${image}`)));
  const queue = openBatchQueue(groups, ({ questions: [first] }) => tokens[first!.index]!, { ...UNLIMITED, ...limits });
  const batches: number[][] = [];
  for (let batch = queue.take(); batch; batch = queue.take()) {
    batches.push(batch.groups.map(({ questions: [first] }) => tokens[first!.index]!));
  }
  return batches;
}

test('batches contain every group once, with equally full ones together', () => {
  const groups = groupByImage(questions('a', 'b', 'b', 'c', 'd', 'd', 'd'));
  const queue = openBatchQueue(groups, () => 10, { ...UNLIMITED, rows: 2 });
  const taken = [queue.take(), queue.take(), queue.take()];
  assert.deepEqual(
    taken.map((batch) => batch && indices(batch.groups)),
    [
      [
        [4, 5, 6],
        [1, 2],
      ],
      [[0], [3]],
      undefined,
    ],
  );
});

test('rows, padded tokens and bytes limit a batch; a row beyond the limits goes alone', () => {
  assert.deepEqual(batchesOf([10, 10, 10, 10, 10], { rows: 2 }), [[10, 10], [10, 10], [10]]);
  assert.deepEqual(batchesOf([9, 10, 10, 9], { tokens: 30 }), [[10, 10, 9], [9]]);
  assert.deepEqual(batchesOf([10, 10, 10], { bytes: 25 }), [[10, 10], [10]]);
  assert.deepEqual(batchesOf([10, 10], { tokens: 5, bytes: 5 }), [[10], [10]]);
});

test('a batch ends where more than a quarter of it would be padding', () => {
  assert.deepEqual(batchesOf([100, 60, 95, 50, 40, 59], {}), [
    [100, 95, 60, 59],
    [50, 40],
  ]);
});

test('failed batches are retried unchanged before the others, which then use at most half the bytes', () => {
  const groups = groupByImage(questions('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'));
  const queue = openBatchQueue(groups, () => 10, { ...UNLIMITED, rows: 4 });
  const first = queue.take()!;
  assert.equal(first.groups.length, 4);
  assert.equal(queue.shrink(first), 20);
  queue.again([{ groups: first.groups.slice(0, 3), crashes: 1 }]);
  assert.deepEqual(queue.take(), { groups: first.groups.slice(0, 3), crashes: 1 });
  assert.equal(queue.take()!.groups.length, 2);
  assert.equal(queue.shrink({ groups: first.groups.slice(0, 2), crashes: 0 }), 10);
  assert.equal(queue.shrink(first), 10, 'it never grows');
  assert.equal(queue.take()!.groups.length, 1);
});
