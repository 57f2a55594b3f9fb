import assert from 'node:assert/strict';
import test from 'node:test';
import type { Question } from '../../src/benchmarks/benchmark.js';
import { selectShard } from '../../src/evaluation/select-shard.js';

/** Images with about 20 questions each, of different lengths and mixed, and questions without an image. */
const questions: Question[] = Array.from({ length: 1200 }, (_, index) => {
  const image = index % 10 === 9 ? null : `image-${(index * index) % 97}`;
  return { index, questionId: index, image, text: 'x'.repeat(40 + ((index * 37) % 200)) };
});

const shardsOf = (count: number) =>
  Array.from({ length: count }, (_, i) => selectShard(questions, { index: i + 1, count }, 1024));

for (const count of [1, 2, 3, 7, 64]) {
  test(`${count} shards: every question once, in order, those of an image together`, () => {
    const shards = shardsOf(count);
    const indices = shards.flatMap((shard) => shard.map(({ index }) => index));
    assert.deepEqual(
      indices.sort((a, b) => a - b),
      questions.map(({ index }) => index),
    );
    const owner = new Map<string, number>();
    shards.forEach((shard, s) => {
      assert.deepEqual(
        shard,
        [...shard].sort((a, b) => a.index - b.index),
      );
      for (const { image } of shard) if (image !== null) assert.equal(owner.get(image) ?? s, s, image);
      for (const { image } of shard) if (image !== null) owner.set(image, s);
    });
  });
}

test('the division depends only on the questions, and shards have about equally many rows', () => {
  assert.deepEqual(shardsOf(7), shardsOf(7));
  const rows = shardsOf(7).map((shard) => new Set(shard.map(({ image }) => image)).size);
  assert.ok(Math.max(...rows) - Math.min(...rows) <= 3, rows.join());
});

test('more shards than images: some are empty', () => {
  const few = questions.filter(({ image }) => image === 'image-0' || image === 'image-1');
  const sizes = Array.from({ length: 5 }, (_, i) => selectShard(few, { index: i + 1, count: 5 }, 1024).length);
  assert.equal(sizes.filter((size) => size > 0).length, 2);
});
