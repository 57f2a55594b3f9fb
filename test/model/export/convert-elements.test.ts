import assert from 'node:assert/strict';
import test from 'node:test';
import { convertElements, toFloat32Values } from '../../../src/model/export/convert-elements.js';

const bytesOf = (values: Uint16Array | Float32Array): Uint8Array => new Uint8Array(values.buffer);
const halves = (...bits: number[]): Uint8Array => bytesOf(Uint16Array.from(bits));
const floats = (...values: number[]): Uint8Array => bytesOf(Float32Array.from(values));
const toHalf = (...values: number[]): number[] => {
  const bytes = convertElements(floats(...values), 'F32', 'float16');
  return Array.from(new Uint16Array(bytes.buffer, bytes.byteOffset, values.length));
};

test('converts float16 to float32 exactly: normal, subnormal, zero, infinite', () => {
  const values = toFloat32Values(halves(0x3c00, 0xc000, 0x7bff, 0x0001, 0x03ff, 0x8000, 0x7c00), 'F16');
  assert.deepEqual(Array.from(values), [1, -2, 65504, 2 ** -24, 1023 * 2 ** -24, -0, Number.POSITIVE_INFINITY]);
  assert.ok(Number.isNaN(toFloat32Values(halves(0x7e00), 'F16')[0]));
});

test('bfloat16 is the upper half of float32', () => {
  assert.deepEqual(Array.from(toFloat32Values(halves(0x3f80, 0xc0a0, 0x0001), 'BF16')), [1, -5, 2 ** -133]);
});

test('every float16 value survives conversion to float32 and back', () => {
  const all = Uint16Array.from({ length: 0x10000 }, (_, bits) => bits);
  const there = convertElements(bytesOf(all), 'F16', 'float32');
  const back = convertElements(there, 'F32', 'float16');
  const isNaN16 = (bits: number): boolean => (bits & 0x7c00) === 0x7c00 && (bits & 0x3ff) !== 0;
  const changed = Array.from(new Uint16Array(back.buffer)).filter((bits, i) => bits !== i && !isNaN16(i));
  assert.deepEqual(changed, []);
});

test('float32 is rounded to the nearest float16, ties to even', () => {
  assert.deepEqual(toHalf(1 + 2 ** -11, 1 + 3 * 2 ** -11, 1 + 2 ** -11 + 2 ** -20), [0x3c00, 0x3c02, 0x3c01]);
  assert.deepEqual(toHalf(65519.99, 65520, -1e9), [0x7bff, 0x7c00, 0xfc00]);
  assert.deepEqual(toHalf(2 ** -25, 2 ** -25 * 1.001, 3 * 2 ** -25, 2 ** -26), [0, 1, 2, 0]);
  assert.deepEqual(toHalf(2 ** -14 - 2 ** -25), [0x0400], 'the largest subnormal rounds up to a normal number');
});

test('every bfloat16 value converts to float16 as if through float32', () => {
  const all = bytesOf(Uint16Array.from({ length: 0x10000 }, (_, bits) => bits));
  const direct = convertElements(all, 'BF16', 'float16');
  assert.deepEqual(direct, convertElements(convertElements(all, 'BF16', 'float32'), 'F32', 'float16'));
});
