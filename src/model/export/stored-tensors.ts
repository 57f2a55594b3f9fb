import type { CheckpointDtype } from '../checkpoint/tensor-source.js';
import type { WeightLocation } from '../onnx/graph.js';
import { convertElements } from './convert-elements.js';
import { elementType, type Precision } from './layers.js';
import { quantiseToInt8 } from './quantise-weight.js';

/** A tensor in a weight file. */
export type StoredTensor = Pick<WeightLocation, 'shape' | 'type'> & { name: string };

/** Names of what is stored for a quantised weight. */
export function levelsName(weight: string): string {
  return `${weight}.levels`;
}

export function scalesName(weight: string): string {
  return `${weight}.scales`;
}

/** The decoder's linear layers, by their names in the official state dict. */
const DECODER_LINEAR = /^model\.layers\.\d+\.(self_attn|mlp)\.\w+_proj\.weight$/;

/**
 * What a weight file holds for a tensor of the checkpoint: the tensor itself as floats, or for a quantised weight
 * [out, in] its levels and scales (`quantiseToInt8`).
 */
export function storedTensors(name: string, shape: readonly number[], precision: Precision): StoredTensor[] {
  if (precision !== 'int8' || !DECODER_LINEAR.test(name)) return [{ name, shape, type: elementType(precision) }];
  const [outputs, inputs] = shape as readonly [number, number];
  return [
    { name: levelsName(name), shape: [inputs, outputs], type: 'int8' },
    { name: scalesName(name), shape: [outputs], type: 'float32' },
  ];
}

/**
 * The bytes of a tensor's `storedTensors`, in their order.
 * @throws UserError when a tensor to be quantised has an element that is no finite number
 */
export function encodeTensor(
  name: string,
  shape: readonly number[],
  bytes: Uint8Array,
  dtype: CheckpointDtype,
  precision: Precision,
): Uint8Array[] {
  if (precision !== 'int8' || !DECODER_LINEAR.test(name))
    return [convertElements(bytes, dtype, elementType(precision))];
  const { levels, scales } = quantiseToInt8(bytes, dtype, shape as readonly [number, number], name);
  return [new Uint8Array(levels.buffer), new Uint8Array(scales.buffer)];
}
