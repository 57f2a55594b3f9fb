import assert from 'node:assert/strict';
import test from 'node:test';
import { resizeBicubic, resizeInSquare } from '../../../src/model/images/resize-image.js';

test('an image that already has the right size is returned unchanged', () => {
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

test('overshoot at an edge is clipped to 0 and 255', () => {
  const edge = Uint8Array.from({ length: 8 * 3 }, (_, i) => (i < 12 ? 0 : 255));
  const wide = resizeBicubic(edge, { width: 8, height: 1 }, { width: 32, height: 1 });
  assert.equal(Math.min(...wide), 0);
  assert.equal(Math.max(...wide), 255);
});

test('resizing an image in a square equals building the square first, for either orientation', () => {
  const color = Uint8Array.of(122, 116, 104);
  for (const [width, height] of [
    [300, 2],
    [3, 211],
    [64, 31],
    [40, 64],
    [64, 64],
  ] as const) {
    const side = Math.max(width, height);
    const pixels = Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * 7919) % 256);
    const square = Uint8Array.from({ length: side * side * 3 }, (_, i) => color[i % 3]!);
    const [left, top] = [Math.floor((side - width) / 2), Math.floor((side - height) / 2)];
    for (let y = 0; y < height; y++) {
      square.set(pixels.subarray(y * width * 3, (y + 1) * width * 3), ((y + top) * side + left) * 3);
    }
    const size = { width: 64, height: 64 };
    assert.deepEqual(
      resizeInSquare(pixels, { width, height }, color, 64),
      resizeBicubic(square, { width: side, height: side }, size),
      `${width} x ${height}`,
    );
  }
});

test('a square part of a resized image equals the same part of the whole', () => {
  const from = { width: 31, height: 12 };
  const pixels = Uint8Array.from({ length: 31 * 12 * 3 }, (_, i) => (i * 7919) % 256);
  for (const to of [{ width: 82, height: 32 }, from]) {
    const whole = resizeBicubic(pixels, from, to);
    const part = { left: 5, top: 3, size: 9 };
    const rows = Array.from({ length: 9 }, (_, y) => {
      const start = ((part.top + y) * to.width + part.left) * 3;
      return whole.subarray(start, start + 9 * 3);
    });
    assert.deepEqual(Buffer.from(resizeBicubic(pixels, from, to, part)), Buffer.concat(rows));
  }
});
