import { UserError } from '../../shared/errors.js';
import type { CheckpointDtype } from '../checkpoint/tensor-source.js';
import { toFloat32Values } from './convert-elements.js';

/** A linear weight of the checkpoint: bytes of a tensor [outputs, inputs]. */
export interface LinearWeight {
  name: string;
  bytes: Uint8Array;
  dtype: CheckpointDtype;
  outputs: number;
  inputs: number;
}

/** Rows that are read, and in int8 transposed, together. */
const ROWS_AT_ONCE = 64;

/** float32 loses digits below; a scale that small stands for weights that are zero for every purpose. */
const SMALLEST_SCALE = 2 ** -126;

/**
 * A linear weight as int8 with one scale per output: weight[o, i] = levels[i, o] * scales[o], rounded to nearest, ties to
 * even. The largest element of an output is level 127 or -127; an output of zeros has scale 0.
 * @returns levels int8 [inputs, outputs], as MatMulInteger takes them, and scales float32 [outputs]
 * @throws UserError when an element is no finite number
 */
export function quantiseToInt8(weight: LinearWeight): { levels: Int8Array; scales: Float32Array } {
  const { outputs, inputs } = weight;
  const levels = new Int8Array(outputs * inputs);
  const scales = new Float32Array(outputs);
  // Rows a power of two apart would share one set of the processor's cache while they are transposed.
  const stride = inputs + 64;
  const block = new Int8Array(ROWS_AT_ONCE * stride);
  for (let first = 0; first < outputs; first += ROWS_AT_ONCE) {
    const count = Math.min(ROWS_AT_ONCE, outputs - first);
    const values = readRows(weight, first, count);
    for (let row = 0; row < count; row++) {
      const start = row * inputs;
      const scale = usableScale(Math.abs(largestElement(values, start, start + inputs, weight.name)) / 127);
      const inverse = scale === 0 ? 0 : 1 / scale;
      scales[first + row] = scale;
      for (let i = 0; i < inputs; i++) block[row * stride + i] = roundHalfEven(values[start + i]! * inverse);
    }
    for (let i = 0; i < inputs; i++) {
      const at = i * outputs + first;
      for (let row = 0; row < count; row++) levels[at + row] = block[row * stride + i]!;
    }
  }
  return { levels, scales };
}

/** Inputs that share a scale in int4. */
export const INT4_BLOCK = 32;

/** The level that stands for 0 in int4. */
const INT4_ZERO = 8;

/** Blocks of an output in int4; the last one is filled up with zeros. */
export function int4Blocks(inputs: number): number {
  return Math.ceil(inputs / INT4_BLOCK);
}

/**
 * A linear weight as int4, in blocks of `INT4_BLOCK` inputs with a scale each: weight = (level - 8) * scale, levels 0 to 15,
 * rounded to nearest, ties to even. The element of largest magnitude is level 0, whatever its sign, so that all 16 levels
 * are used; a block of zeros has scale 0.
 * @returns levels uint8 [outputs, blocks, INT4_BLOCK / 2], two a byte, the first in the low bits, as MatMulNBits takes them,
 *   and scales float32 [outputs * blocks]
 * @throws UserError when an element is no finite number
 */
export function quantiseToInt4(weight: LinearWeight): { levels: Uint8Array; scales: Float32Array } {
  const { outputs, inputs } = weight;
  const blocks = int4Blocks(inputs);
  const levels = new Uint8Array((outputs * blocks * INT4_BLOCK) / 2);
  const scales = new Float32Array(outputs * blocks);
  const rounded = new Uint8Array(INT4_BLOCK);
  let next = 0;
  for (let first = 0; first < outputs; first += ROWS_AT_ONCE) {
    const count = Math.min(ROWS_AT_ONCE, outputs - first);
    const values = readRows(weight, first, count);
    for (let row = 0; row < count; row++) {
      const rowEnd = (row + 1) * inputs;
      for (let block = 0; block < blocks; block++) {
        const start = row * inputs + block * INT4_BLOCK;
        const end = Math.min(start + INT4_BLOCK, rowEnd);
        const scale = usableScale(largestElement(values, start, end, weight.name) / -INT4_ZERO);
        const inverse = scale === 0 ? 0 : 1 / scale;
        scales[(first + row) * blocks + block] = scale;
        rounded.fill(INT4_ZERO);
        for (let i = start; i < end; i++) {
          rounded[i - start] = Math.min(15, roundHalfEven(values[i]! * inverse) + INT4_ZERO);
        }
        for (let i = 0; i < INT4_BLOCK; i += 2) levels[next++] = rounded[i]! | (rounded[i + 1]! << 4);
      }
    }
  }
  return { levels, scales };
}

function readRows({ bytes, dtype, outputs }: LinearWeight, first: number, count: number): Float32Array {
  const rowBytes = bytes.byteLength / outputs;
  return toFloat32Values(bytes.subarray(first * rowBytes, (first + count) * rowBytes), dtype);
}

function usableScale(scale: number): number {
  return Math.abs(scale) < SMALLEST_SCALE ? 0 : Math.fround(scale);
}

/** The element of largest magnitude, with its sign. @throws UserError when an element is no finite number */
function largestElement(values: Float32Array, start: number, end: number, name: string): number {
  let largest = 0;
  let found = 0;
  for (let i = start; i < end; i++) {
    const magnitude = Math.abs(values[i]!);
    if (magnitude <= largest) continue;
    if (!(magnitude < Number.POSITIVE_INFINITY)) {
      throw new UserError(`Tensor ${name} has the element ${values[i]}; only finite numbers can be quantised.`);
    }
    largest = magnitude;
    found = values[i]!;
  }
  return found;
}

/** Nearest whole number, ties to even, of a magnitude below 2^51: adding 1.5 * 2^52 leaves no bits for a fraction. */
function roundHalfEven(value: number): number {
  return value + 6755399441055744 - 6755399441055744;
}
