import { UserError } from '../../errors.js';
import type { CheckpointDtype } from '../checkpoint/tensor-source.js';
import { toFloat32Values } from './convert-elements.js';

/** Rows that are transposed together, so that a cache line of the result is written while it is at hand. */
const ROWS_AT_ONCE = 64;

/**
 * A linear weight [out, in] as int8 with one scale per output: weight[o, i] = levels[i, o] * scales[o], rounded to nearest,
 * ties to even. The largest element of an output is level 127 or -127; an output of zeros has scale 0.
 * @param bytes the checkpoint's, of a shape [outputs, inputs]
 * @returns levels int8 [in, out], as MatMulInteger takes them, and scales float32 [out]
 * @throws UserError when the tensor called `name` has an element that is no finite number
 */
export function quantiseToInt8(
  bytes: Uint8Array,
  dtype: CheckpointDtype,
  [outputs, inputs]: readonly [number, number],
  name: string,
): { levels: Int8Array; scales: Float32Array } {
  const levels = new Int8Array(outputs * inputs);
  const scales = new Float32Array(outputs);
  const rowBytes = bytes.byteLength / outputs;
  for (let first = 0; first < outputs; first += ROWS_AT_ONCE) {
    const count = Math.min(ROWS_AT_ONCE, outputs - first);
    const values = toFloat32Values(bytes.subarray(first * rowBytes, (first + count) * rowBytes), dtype);
    const inverses = new Float64Array(count);
    for (let row = 0; row < count; row++) {
      const scale = Math.fround(largestMagnitude(values, row * inputs, (row + 1) * inputs, name) / 127);
      scales[first + row] = scale;
      inverses[row] = scale === 0 ? 0 : 1 / scale;
    }
    for (let i = 0; i < inputs; i++) {
      const at = i * outputs + first;
      for (let row = 0; row < count; row++) {
        levels[at + row] = clamp(roundHalfEven(values[row * inputs + i]! * inverses[row]!), 127);
      }
    }
  }
  return { levels, scales };
}

/** @throws UserError when an element is no finite number */
function largestMagnitude(values: Float32Array, start: number, end: number, name: string): number {
  let largest = 0;
  for (let i = start; i < end; i++) {
    const magnitude = Math.abs(values[i]!);
    if (magnitude <= largest) continue;
    if (!(magnitude < Number.POSITIVE_INFINITY)) {
      throw new UserError(`Tensor ${name} has the element ${values[i]}; only finite numbers can be quantised.`);
    }
    largest = magnitude;
  }
  return largest;
}

/** Nearest whole number, ties to even, of a magnitude below 2^51: adding 1.5 * 2^52 leaves no bits for a fraction. */
function roundHalfEven(value: number): number {
  return value + 6755399441055744 - 6755399441055744;
}

/** Scales so small that they lose digits could give a level beyond the largest. */
function clamp(level: number, largest: number): number {
  return level > largest ? largest : level < -largest ? -largest : level;
}
