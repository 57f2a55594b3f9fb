import assert from 'node:assert/strict';
import test from 'node:test';
import type { CheckpointDtype } from '../../../src/model/checkpoint/tensor-source.js';
import {
  INT4_BLOCK,
  type LinearWeight,
  quantiseToInt4,
  quantiseToInt8,
} from '../../../src/model/export/quantise-weight.js';

test('int8 values are rounded to nearest, ties to even, and transposed, with a scale per output', () => {
  const rows = [
    [127, -127, 0.5, 1.5, -2.5], // scale 1
    [0.25, -0.5, 63.5, 0.75, 0], // scale 0.5
    [0, 0, 0, 0, 0],
  ];
  const { quantised, scales } = quantiseToInt8(weight(floats(rows.flat()), 3));
  assert.deepEqual([...scales], [1, 0.5, 0]);
  assert.deepEqual(transposed(quantised, 5, 3), [
    [127, -127, 0, 2, -2],
    [0, -1, 127, 2, 0],
    [0, 0, 0, 0, 0],
  ]);
});

test('quantises float16 and bfloat16 weights with more rows than one transposition block', () => {
  const half = Uint16Array.from({ length: 200 * 3 }, (_, i) => (i % 3 === 0 ? 0x3c00 : 0xb800)); // 1, -0.5, -0.5
  const { quantised, scales } = quantiseToInt8(weight(half, 200, 'F16'));
  assert.ok(scales.every((scale) => scale === Math.fround(1 / 127)));
  assert.ok(transposed(quantised, 3, 200).every((row) => String(row) === '127,-64,-64')); // -63.5 is a tie
  const brain = Uint16Array.of(0x4000, 0xc000); // 2, -2
  assert.deepEqual([...quantiseToInt8(weight(brain, 2, 'BF16')).quantised], [127, -127]);
});

test('an output whose values are too small for a scale becomes zero', () => {
  const { quantised, scales } = quantiseToInt8(weight(floats([1e-43, -1e-43, 1e-45, 0]), 2));
  assert.deepEqual([...scales], [0, 0]);
  assert.deepEqual([...quantised], [0, 0, 0, 0]);
});

test('int4 quantised by blocks, the largest element value 0 whatever its sign, ties to even, the rest of a block zero', () => {
  const first = [-8, 7.9, 0.5, 1.5, -2.5, ...new Array<number>(INT4_BLOCK - 5).fill(0)]; // scale 1; 7.9 is clamped to 15
  const second = [4, -2, 0.25]; // scale -0.5
  const { quantised, scales } = quantiseToInt4(
    weight(floats([...first, ...second, ...new Array<number>(35).fill(0)]), 2),
  );
  assert.deepEqual([...scales], [1, -0.5, 0, 0]);
  const nibbles = [...quantised].flatMap((byte) => [byte & 15, byte >> 4]);
  assert.equal(nibbles.length, 4 * INT4_BLOCK);
  assert.deepEqual(nibbles.slice(0, 6), [0, 15, 8, 10, 6, 8]);
  assert.deepEqual(nibbles.slice(INT4_BLOCK, INT4_BLOCK + 4), [0, 12, 8, 8]);
  assert.ok(nibbles.slice(INT4_BLOCK + 3).every((value) => value === 8));
});

for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
  test(`a weight of ${value} is rejected, naming the tensor`, () => {
    for (const quantise of [quantiseToInt8, quantiseToInt4]) {
      const tensor = { ...weight(floats([1, 2, 3, value]), 2), name: 'model.layers.0.mlp.up_proj.weight' };
      assert.throws(() => quantise(tensor), /Tensor model\.layers\.0\.mlp\.up_proj\.weight contains (NaN|-?Infinity)/);
    }
  });
}

function floats(values: number[]): Float32Array {
  return Float32Array.from(values);
}

function weight(values: Float32Array | Uint16Array, outputs: number, dtype: CheckpointDtype = 'F32'): LinearWeight {
  return { name: 'w', bytes: new Uint8Array(values.buffer), dtype, outputs, inputs: values.length / outputs };
}

/** Transposes [inputs, outputs] to [outputs, inputs]. */
function transposed(quantised: Int8Array, inputs: number, outputs: number): number[][] {
  return Array.from({ length: outputs }, (_, o) =>
    Array.from({ length: inputs }, (_, i) => quantised[i * outputs + o]!),
  );
}
