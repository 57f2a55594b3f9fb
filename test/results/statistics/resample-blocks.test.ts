import assert from 'node:assert/strict';
import test from 'node:test';
import { indexImages, resampleSums } from '../../../src/results/statistics/bootstrap.js';
import { seedState } from '../../../src/results/statistics/image-draws.js';
import {
  finishBlocks,
  type Resampling,
  resample,
  sharedResampling,
  takeBlocks,
} from '../../../src/results/statistics/resample-blocks.js';

/** Two columns of thirds, whose sums depend on the order of addition; the second one leaves out every other image. */
function resampling(count: number, resamples: number): Resampling {
  const all = Int32Array.from({ length: count }, (_, image) => image);
  const thirds = (images: Int32Array) => ({ images, sums: Float64Array.from(images, (image) => 1 + (image % 7) / 3) });
  return {
    count,
    columns: [thirds(all), thirds(all.filter((image) => image % 2 === 0))],
    resampled: [new Float64Array(resamples), new Float64Array(resamples)],
  };
}

function alone(count: number, resamples: number): readonly Float64Array[] {
  const own = resampling(count, resamples);
  resample(own, seedState(3));
  return own.resampled;
}

test('blocks give the sums that one resample after the other gives', () => {
  for (const resamples of [1, 4, 9, 30]) {
    const blocks = sharedResampling(resampling(101, resamples), seedState(3));
    takeBlocks(blocks);
    finishBlocks(blocks);
    assert.deepEqual(blocks.resampled, alone(101, resamples), `${resamples} resamples`);
  }
});

test('blocks that a thread took and did not finish are computed', () => {
  const blocks = sharedResampling(resampling(101, 30), seedState(3));
  Atomics.add(blocks.taken, 0, 3);
  blocks.resampled[0]!.fill(Number.NaN, 0, 12);
  takeBlocks(blocks);
  finishBlocks(blocks);
  assert.deepEqual(blocks.resampled, alone(101, 30));
});

test('large resamplings, which two threads share, give the same sums', () => {
  const count = 26_000;
  const images = indexImages(Array.from({ length: 2 * count }, (_, row) => row % count));
  const column = Float64Array.from({ length: 2 * count }, (_, row) => (row % 4) / 3);
  const whole = resampleSums([column, 1], images, { seed: 3 });
  const few = resampleSums([column, 1], images, { seed: 3, resamples: 20 })!; // too few to be shared
  assert.deepEqual(
    whole!.map((sums) => sums.slice(0, 20)),
    few,
  );
  assert.equal(whole![0]!.length, 2000);
  assert.ok(whole!.every((sums) => sums.every((sum) => sum > 0)));
});
