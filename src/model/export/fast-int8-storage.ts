import { createGraph } from '../onnx/graph.js';
import { ELEMENT_TYPE, encodeModel } from '../onnx/onnx-proto.js';
import { InferenceSession, Tensor } from '../onnxruntime.js';
import type { Int8StorageType } from '../precision.js';

let known: Promise<Int8StorageType> | undefined;

/**
 * The weight type that this processor multiplies fastest with uint8 activations. With dot product instructions (VNNI, AMX,
 * Arm's dotprod) that is int8. Without them, ONNX Runtime's int8 kernel adds two products in 16 bits, which can saturate, so
 * its sessions convert int8 weights to uint8 at load time: that is slow and keeps the weights in memory twice.
 */
export function fastInt8Storage(): Promise<Int8StorageType> {
  known ??= isProductExact().then((isExact) => (isExact ? 'int8' : 'uint8'));
  return known;
}

/** Multiplies the largest quantised values in a session that does not convert the weights; saturation changes the result. */
async function isProductExact(): Promise<boolean> {
  const [activation, weightValue, count] = [255, 127, 64];
  const g = createGraph('int8-saturation', new Map(), false);
  const one = g.floats([1], []);
  const product = g.op('MatMulIntegerToFloat', [g.input('x', 'uint8', [1, count]), 'weight', one, one]);
  g.output('y', product, 'float32', [1, 1]);
  const proto = g.toProto();
  const weights = new Uint8Array(count).fill(weightValue);
  proto.initializer.push({ name: 'weight', dims: [count, 1], data_type: ELEMENT_TYPE.int8, raw_data: weights });
  const session = await InferenceSession.create(encodeModel(proto, 'int8-saturation'), { intraOpNumThreads: 1 });
  const { y } = await session.run({ x: new Tensor('uint8', new Uint8Array(count).fill(activation), [1, count]) });
  await session.release();
  return y!.data[0] === activation * weightValue * count;
}
