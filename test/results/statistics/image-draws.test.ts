import assert from 'node:assert/strict';
import test from 'node:test';
import { drawImages, seedState, skipper } from '../../../src/results/statistics/image-draws.js';

test('skipping steps leads to the state that drawing leads to', () => {
  for (const steps of [1, 2, 3, 1000, 40_504, 162_016]) {
    const state = seedState(steps);
    const start = state.slice();
    drawImages(new Uint8Array(steps), state);
    assert.deepEqual(skipper(steps)(start), state, `${steps} steps`);
  }
  assert.deepEqual(skipper(0)(seedState(5)), seedState(5));
});

test('as many images are drawn as there are, each about as often', () => {
  const state = seedState(1);
  const totals = new Int32Array(100);
  for (let i = 0; i < 1000; i++) {
    const drawn = new Uint8Array(100);
    drawImages(drawn, state);
    assert.equal(
      drawn.reduce((sum, times) => sum + times, 0),
      100,
    );
    drawn.forEach((times, image) => {
      totals[image]! += times;
    });
  }
  // A binomial of 100,000 at 0.01 has a standard deviation of 31.
  for (const total of totals) assert.ok(Math.abs(total - 1000) < 5 * 31, String(total));
});
