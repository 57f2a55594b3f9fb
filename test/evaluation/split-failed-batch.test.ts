import assert from 'node:assert/strict';
import test from 'node:test';
import type { PlannedBatch, QuestionGroup } from '../../src/evaluation/plan-batches.js';
import { splitFailedBatch } from '../../src/evaluation/split-failed-batch.js';

/** A group of questions with the given indices. */
const group = (...indices: number[]): QuestionGroup => ({
  image: `image ${indices[0]}`,
  questions: indices.map((index) => ({ index, questionId: index, image: `image ${indices[0]}`, text: 'why?' })),
});

const batch = (groups: QuestionGroup[], crashes = 0): PlannedBatch => ({ groups, crashes });

test('short of memory: half the rows, then half the questions of a row, then nothing', () => {
  assert.deepEqual(splitFailedBatch('out-of-memory', batch([group(1), group(2), group(3)])), [
    batch([group(1), group(2)]),
    batch([group(3)]),
  ]);
  const halves = splitFailedBatch('out-of-memory', batch([group(1, 2, 3)]))!;
  assert.deepEqual(
    halves.map(({ groups }) => groups.map(({ questions }) => questions.map(({ index }) => index))),
    [[[1, 2]], [[3]]],
  );
  assert.equal(splitFailedBatch('out-of-memory', batch([group(1)])), null);
});

test('a batch that crashes a worker is retried group by group; a group that does so twice is given up', () => {
  const alone = splitFailedBatch('worker-crashed', batch([group(1, 2), group(3)]))!;
  assert.deepEqual(alone, [batch([group(1, 2)], 1), batch([group(3)], 1)]);
  assert.equal(splitFailedBatch('worker-crashed', alone[0]!), null);
  const once = splitFailedBatch('worker-crashed', batch([group(1, 2)]))!;
  assert.deepEqual(once, [batch([group(1, 2)], 1)]);
});

test('anything else: question by question', () => {
  const alone = splitFailedBatch('inference-failed', batch([group(1, 2), group(3)]))!;
  assert.deepEqual(
    alone.map(({ groups }) => groups.map(({ questions }) => questions.map(({ index }) => index))),
    [[[1]], [[2]], [[3]]],
  );
  assert.equal(splitFailedBatch('inference-failed', batch([group(1)])), null);
});
