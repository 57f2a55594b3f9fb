import { messageOf } from '../../shared/errors.js';
import { VERSION } from '../../shared/version.js';
import { createGraph } from '../onnx/graph.js';
import { encodeModel } from '../onnx/onnx-proto.js';
import { InferenceSession, Tensor } from '../onnxruntime.js';
import { deviceError, parseDevice } from './device.js';
import { sessionOptions } from './session-options.js';

const SIDE = 64;

/** Multiplies two matrices on a device. Returns why that failed; null on success. */
export async function matrixTrial(name: string): Promise<string | null> {
  const device = parseDevice(name);
  const g = createGraph('trial', new Map(), true);
  const x = g.input('x', 'float32', [SIDE, SIDE]);
  g.output('y', g.op('MatMul', [x, x]), 'float32', [SIDE, SIDE]);
  try {
    const session = await InferenceSession.create(encodeModel(g.toProto(), VERSION), await sessionOptions(device, 1));
    const ones = new Tensor('float32', new Float32Array(SIDE * SIDE).fill(1), [SIDE, SIDE]);
    const { y } = await session.run({ x: ones });
    const isRight = (y!.data as Float32Array).every((value) => Math.abs(value - SIDE) < 1e-3);
    return isRight ? null : 'a matrix product was wrong';
  } catch (error) {
    return messageOf(deviceError(device, error));
  }
}
