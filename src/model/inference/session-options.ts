import type { InferenceSession } from 'onnxruntime-node';
import { fastInt8Storage } from '../export/fast-int8-storage.js';
import type { Device } from './device.js';

/**
 * Options for the sessions of a model.
 * @param threads inside an operator; 0 lets ONNX Runtime use every core
 * @param keepsFreed keep memory that a run frees for the next one, which is faster and takes more of it
 */
export async function sessionOptions(
  device: Device,
  threads: number,
  keepsFreed = true,
): Promise<InferenceSession.SessionOptions> {
  const options: InferenceSession.SessionOptions = {
    enableCpuMemArena: keepsFreed,
    executionProviders: [device.provider === 'cuda' ? { name: 'cuda', deviceId: device.index } : device.provider],
    intraOpNumThreads: threads,
    logSeverityLevel: 3,
  };
  // Where products of uint8 and int8 saturate, this lets ONNX Runtime multiply uint8 with uint8. Elsewhere it would only
  // halve the speed of int8 products.
  const saturates = device.provider === 'cpu' && (await fastInt8Storage()) === 'uint8';
  return saturates ? { ...options, extra: { session: { x64quantprecision: '1' } } } : options;
}
