/**
 * Precision of the weights and of the arithmetic inside a graph; graph inputs and outputs are always float32.
 * In `int8` and `int4` the linear layers of the decoder are quantised, in `int8` those of the towers too; the rest is fp32.
 */
export type Precision = (typeof PRECISIONS)[number];
export const PRECISIONS = ['fp32', 'fp16', 'int8', 'int4'] as const;
export const DEFAULT_PRECISION: Precision = 'fp32';

/** How int8 weights are stored: signed, or unsigned with `ZERO_POINT` added; values and products are the same. */
export type Int8StorageType = (typeof INT8_STORAGE_TYPES)[number];
export const INT8_STORAGE_TYPES = ['int8', 'uint8'] as const;

/** The zero point of uint8 weights and activations: the quantised value that represents 0. */
export const ZERO_POINT = 128;

/** Whether the answers at this precision differ from the checkpoint's by more than float rounding. */
export function isQuantised(precision: Precision): boolean {
  return precision === 'int8' || precision === 'int4';
}

/** The graph element type of a precision. */
export function elementType(precision: Precision): 'float32' | 'float16' {
  return precision === 'fp16' ? 'float16' : 'float32';
}
