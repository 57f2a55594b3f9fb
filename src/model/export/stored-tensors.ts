import type { CheckpointDtype } from '../checkpoint/tensor-source.js';
import type { WeightLocation } from '../onnx/graph.js';
import { elementType, type Int8StorageType, isQuantised, type Precision, ZERO_POINT } from '../precision.js';
import { convertElements } from './convert-elements.js';
import { INT4_BLOCK, int4Blocks, quantiseToInt4, quantiseToInt8 } from './quantise-weight.js';

/** A tensor in a weight file. */
export type StoredTensor = Pick<WeightLocation, 'shape' | 'type'> & { name: string };

/** Name of the tensor with a weight's quantised values. */
export function quantisedName(weight: string): string {
  return `${weight}.quantised`;
}

/** Name of the tensor with a quantised weight's scales. */
export function scalesName(weight: string): string {
  return `${weight}.scales`;
}

/**
 * The decoder's linear layers, by their names in the official state dict. Excludes the LM head: quantising it would double
 * the logit error in int4 (docs/decisions/0022-int4-in-blocks-of-32.md).
 */
const DECODER_LINEAR = /^model\.layers\.\d+\.(self_attn|mlp)\.\w+_proj\.weight$/;

/**
 * The linear layers of towers and projector that int8 models store in int8: those of CLIP, the pointwise layers of ConvNeXt
 * from the second stage on, the adapters', the projector's. ConvNeXt's first stage has so few channels that quantising
 * takes longer than it saves, and the adapters' gates have one row per image.
 */
const TOWER_LINEAR = [
  /\.encoder\.layers\.\d+\.(self_attn\.\w+_proj|mlp\.fc[12])\.weight$/,
  /\.stages\.[1-9]\.blocks\.\d+\.mlp\.fc[12]\.weight$/,
  /\.align_stages(_latent)?\.\d+\.(slow_conv|slow_proj|fast_proj)\.weight$/,
  /^model\.mm_projector\.\d+\.weight$/,
];

function isStoredQuantised(name: string, precision: Precision): boolean {
  if (!isQuantised(precision)) return false;
  return DECODER_LINEAR.test(name) || (precision === 'int8' && TOWER_LINEAR.some((pattern) => pattern.test(name)));
}

/**
 * What a weight file stores for a checkpoint tensor: the tensor itself as floats or, for a quantised weight [out, in], its
 * quantised values and scales (`quantiseToInt8`, `quantiseToInt4`).
 * @param int8Storage storage type of int8 weights
 */
export function storedTensors(
  name: string,
  shape: readonly number[],
  precision: Precision,
  int8Storage: Int8StorageType,
): StoredTensor[] {
  if (!isStoredQuantised(name, precision)) return [{ name, shape, type: elementType(precision) }];
  const [outputs, inputs] = shape as readonly [number, number];
  if (precision === 'int8') {
    return [
      { name: quantisedName(name), shape: [inputs, outputs], type: int8Storage },
      { name: scalesName(name), shape: [outputs], type: 'float32' },
    ];
  }
  const blocks = int4Blocks(inputs);
  return [
    { name: quantisedName(name), shape: [outputs, blocks, INT4_BLOCK / 2], type: 'uint8' },
    { name: scalesName(name), shape: [outputs * blocks], type: 'float32' },
  ];
}

/**
 * The bytes of a tensor's `storedTensors`, in the same order.
 * @throws UserError when a tensor to be quantised has an element that is not finite
 */
export function encodeTensor(
  name: string,
  shape: readonly number[],
  bytes: Uint8Array,
  dtype: CheckpointDtype,
  precision: Precision,
  int8Storage: Int8StorageType,
): Uint8Array[] {
  if (!isStoredQuantised(name, precision)) return [convertElements(bytes, dtype, elementType(precision))];
  const [outputs, inputs] = shape as readonly [number, number];
  const quantise = precision === 'int8' ? quantiseToInt8 : quantiseToInt4;
  const { quantised, scales } = quantise({ name, bytes, dtype, outputs, inputs });
  const stored = new Uint8Array(quantised.buffer);
  if (precision === 'int8' && int8Storage === 'uint8') int8ToUint8(stored);
  return [stored, new Uint8Array(scales.buffer)];
}

/** Converts the bytes of int8 values in place to uint8 with zero point `ZERO_POINT`. */
function int8ToUint8(bytes: Uint8Array): void {
  for (let i = 0; i < bytes.length; i++) bytes[i]! ^= ZERO_POINT;
}
