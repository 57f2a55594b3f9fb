import assert from 'node:assert/strict';
import test from 'node:test';
import { quantiseToInt8 } from '../../../src/model/export/quantise-weight.js';

test('int8 levels are the nearest, ties to even, transposed, with a scale per output', () => {
  const rows = [
    [127, -127, 0.5, 1.5, -2.5], // scale 1
    [0.25, -0.5, 63.5, 0.75, 0], // scale 0.5
    [0, 0, 0, 0, 0],
  ];
  const { levels, scales } = quantiseToInt8(floats(rows.flat()), 'F32', [3, 5], 'w');
  assert.deepEqual([...scales], [1, 0.5, 0]);
  assert.deepEqual(transposed(levels, 5, 3), [
    [127, -127, 0, 2, -2],
    [0, -1, 127, 2, 0],
    [0, 0, 0, 0, 0],
  ]);
});

test('weights in float16 and bfloat16, more rows than are transposed at once', () => {
  const half = Uint16Array.from({ length: 200 * 3 }, (_, i) => (i % 3 === 0 ? 0x3c00 : 0xb800)); // 1, -0.5, -0.5
  const { levels, scales } = quantiseToInt8(new Uint8Array(half.buffer), 'F16', [200, 3], 'w');
  assert.ok(scales.every((scale) => scale === Math.fround(1 / 127)));
  assert.ok(transposed(levels, 3, 200).every((row) => String(row) === '127,-64,-64')); // -63.5 is a tie
  const brain = Uint16Array.of(0x4000, 0xc000); // 2, -2
  assert.deepEqual([...quantiseToInt8(new Uint8Array(brain.buffer), 'BF16', [2, 1], 'w').levels], [127, -127]);
});

test('scales that are denormal or vanish give no level beyond 127', () => {
  const { levels, scales } = quantiseToInt8(floats([1e-43, -1e-43, 1e-45, 0]), 'F32', [2, 2], 'w');
  assert.equal(scales[1], 0);
  assert.deepEqual(transposed(levels, 2, 2)[1], [0, 0]);
  assert.ok([...levels].every((level) => Math.abs(level) <= 127));
});

for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
  test(`a weight of ${value} is refused with the tensor's name`, () => {
    assert.throws(
      () => quantiseToInt8(floats([1, 2, 3, value]), 'F32', [2, 2], 'model.layers.0.mlp.up_proj.weight'),
      /Tensor model\.layers\.0\.mlp\.up_proj\.weight has the element (NaN|-?Infinity)/,
    );
  });
}

function floats(values: number[]): Uint8Array {
  return new Uint8Array(Float32Array.from(values).buffer);
}

/** [inputs, outputs] -> rows of outputs. */
function transposed(levels: Int8Array, inputs: number, outputs: number): number[][] {
  return Array.from({ length: outputs }, (_, o) => Array.from({ length: inputs }, (_, i) => levels[i * outputs + o]!));
}
