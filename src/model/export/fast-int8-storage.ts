import { InferenceSession, Tensor } from 'onnxruntime-node';
import { createGraph } from '../onnx/graph.js';
import { ELEMENT_TYPE, encodeModel } from '../onnx/onnx-proto.js';
import type { Int8StorageType } from '../precision.js';

let known: Promise<Int8StorageType> | undefined;

/**
 * The levels that this processor multiplies with uint8 activations without more ado. With dot product instructions (VNNI,
 * AMX, those of ARM) that is int8. Without them ONNX Runtime's kernel for int8 levels adds two products in 16 bits, which
 * saturate; its sessions then make uint8 levels of them, which takes long and keeps them in memory twice.
 */
export function fastInt8Storage(): Promise<Int8StorageType> {
  known ??= isProductExact().then((isExact) => (isExact ? 'int8' : 'uint8'));
  return known;
}

/** Multiplies the largest levels in a session that leaves the weights as they are. */
async function isProductExact(): Promise<boolean> {
  const [activation, weight, count] = [255, 127, 64];
  const g = createGraph('levels', new Map(), false);
  const one = g.floats([1], []);
  const product = g.op('MatMulIntegerToFloat', [g.input('x', 'uint8', [1, count]), 'weight', one, one]);
  g.output('y', product, 'float32', [1, 1]);
  const proto = g.toProto();
  const weights = new Uint8Array(count).fill(weight);
  proto.initializer.push({ name: 'weight', dims: [count, 1], data_type: ELEMENT_TYPE.int8, raw_data: weights });
  const session = await InferenceSession.create(encodeModel(proto, 'levels'), { intraOpNumThreads: 1 });
  const { y } = await session.run({ x: new Tensor('uint8', new Uint8Array(count).fill(activation), [1, count]) });
  await session.release();
  return y!.data[0] === activation * weight * count;
}
