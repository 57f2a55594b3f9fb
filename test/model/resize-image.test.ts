import assert from 'node:assert/strict';
import test from 'node:test';
import { resizeBicubic } from '../../src/model/resize-image.js';

test('an image of the wanted size is left alone', () => {
  const pixels = Uint8Array.from({ length: 12 }, (_, i) => i);
  assert.equal(resizeBicubic(pixels, { width: 2, height: 2 }, { width: 2, height: 2 }), pixels);
});

test('a flat image stays flat, enlarged or shrunk', () => {
  const flat = new Uint8Array(7 * 5 * 3).fill(200);
  for (const to of [
    { width: 23, height: 11 },
    { width: 2, height: 3 },
  ]) {
    const resized = resizeBicubic(flat, { width: 7, height: 5 }, to);
    assert.equal(resized.length, to.width * to.height * 3);
    assert.ok(resized.every((level) => level === 200));
  }
});

test('overshoot at an edge is cut at 0 and 255', () => {
  const edge = Uint8Array.from({ length: 8 * 3 }, (_, i) => (i < 12 ? 0 : 255));
  const wide = resizeBicubic(edge, { width: 8, height: 1 }, { width: 32, height: 1 });
  assert.equal(Math.min(...wide), 0);
  assert.equal(Math.max(...wide), 255);
});
