import { UserError } from '../../shared/errors.js';
import type { CheckpointDtype } from '../checkpoint/tensor-source.js';
import { toFloat32Values } from './convert-elements.js';

/** A linear weight of the checkpoint: the bytes of a tensor [outputs, inputs]. */
export interface LinearWeight {
  name: string;
  bytes: Uint8Array;
  dtype: CheckpointDtype;
  outputs: number;
  inputs: number;
}

/** Rows read (and in int8 transposed) per block. */
const ROWS_AT_ONCE = 64;

/** Smallest normal float32. Scales below it lose precision, and the weights they represent are effectively zero. */
const SMALLEST_SCALE = 2 ** -126;

/**
 * Quantises a linear weight to int8 with one scale per output: weight[o, i] = quantised[i, o] * scales[o], rounded to
 * nearest, ties to even. The largest element of an output becomes 127 or -127; an all-zero output has scale 0.
 * @returns quantised int8 [inputs, outputs], the layout of MatMulInteger, and scales float32 [outputs]
 * @throws UserError when an element is not finite
 */
export function quantiseToInt8(weight: LinearWeight): { quantised: Int8Array; scales: Float32Array } {
  const { outputs, inputs } = weight;
  const quantised = new Int8Array(outputs * inputs);
  const scales = new Float32Array(outputs);
  // Rows a power of two apart would map to the same cache set during the transposition.
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
      for (let row = 0; row < count; row++) quantised[at + row] = block[row * stride + i]!;
    }
  }
  return { quantised, scales };
}

/** Inputs that share a scale in int4. */
export const INT4_BLOCK = 32;

/** Zero point of int4 weights: the quantised value that represents 0. */
const INT4_ZERO_POINT = 8;

/** Number of int4 blocks per output; the last one is padded with zeros. */
export function int4Blocks(inputs: number): number {
  return Math.ceil(inputs / INT4_BLOCK);
}

/**
 * Quantises a linear weight to int4, in blocks of `INT4_BLOCK` inputs with one scale each: weight = (quantised - 8) * scale,
 * quantised values 0 to 15, rounded to nearest, ties to even. The element of largest magnitude becomes 0 whatever its sign,
 * so that all 16 values are used; an all-zero block has scale 0.
 * @returns quantised uint8 [outputs, blocks, INT4_BLOCK / 2], two values per byte with the first in the low bits (the layout
 *   of MatMulNBits), and scales float32 [outputs * blocks]
 * @throws UserError when an element is not finite
 */
export function quantiseToInt4(weight: LinearWeight): { quantised: Uint8Array; scales: Float32Array } {
  const { outputs, inputs } = weight;
  const blocks = int4Blocks(inputs);
  const quantised = new Uint8Array((outputs * blocks * INT4_BLOCK) / 2);
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
        const scale = usableScale(largestElement(values, start, end, weight.name) / -INT4_ZERO_POINT);
        const inverse = scale === 0 ? 0 : 1 / scale;
        scales[(first + row) * blocks + block] = scale;
        rounded.fill(INT4_ZERO_POINT);
        for (let i = start; i < end; i++) {
          rounded[i - start] = Math.min(15, roundHalfEven(values[i]! * inverse) + INT4_ZERO_POINT);
        }
        for (let i = 0; i < INT4_BLOCK; i += 2) quantised[next++] = rounded[i]! | (rounded[i + 1]! << 4);
      }
    }
  }
  return { quantised, scales };
}

function readRows({ bytes, dtype, outputs }: LinearWeight, first: number, count: number): Float32Array {
  const rowBytes = bytes.byteLength / outputs;
  return toFloat32Values(bytes.subarray(first * rowBytes, (first + count) * rowBytes), dtype);
}

function usableScale(scale: number): number {
  return Math.abs(scale) < SMALLEST_SCALE ? 0 : Math.fround(scale);
}

/** The element of largest magnitude, with its sign. @throws UserError when an element is not finite */
function largestElement(values: Float32Array, start: number, end: number, name: string): number {
  let largest = 0;
  let found = 0;
  for (let i = start; i < end; i++) {
    const magnitude = Math.abs(values[i]!);
    if (magnitude <= largest) continue;
    if (!(magnitude < Number.POSITIVE_INFINITY)) {
      throw new UserError(
        `Tensor ${name} contains ${values[i]}; only finite values can be quantised. Use --precision fp32 or fp16.`,
      );
    }
    largest = magnitude;
    found = values[i]!;
  }
  return found;
}

/** Rounds to the nearest integer, ties to even, for magnitudes below 2^51: adding 1.5 * 2^52 leaves no fraction bits. */
function roundHalfEven(value: number): number {
  return value + 6755399441055744 - 6755399441055744;
}
