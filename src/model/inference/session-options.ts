import { fastInt8Storage } from '../export/fast-int8-storage.js';
import type { InferenceSession } from '../onnxruntime.js';
import type { Device } from './device.js';

const FATAL = 4;

/**
 * Options for the sessions of a model.
 * @param threads threads per operator; 0 lets ONNX Runtime use every core
 * @param keepsFreed keep freed memory for the next run, which is faster but uses more memory
 */
export async function sessionOptions(
  device: Device,
  threads: number,
  keepsFreed = true,
): Promise<InferenceSession.SessionOptions> {
  const options: InferenceSession.SessionOptions = {
    enableCpuMemArena: keepsFreed,
    // One allocation for all tensors of a run, planned from an earlier one: as fast, and larger than the arena's blocks.
    enableMemPattern: device.provider !== 'cpu',
    executionProviders: [device.provider === 'cuda' ? { name: 'cuda', deviceId: device.index } : device.provider],
    intraOpNumThreads: threads,
    logSeverityLevel: FATAL, // errors are thrown with their message
  };
  // Where uint8 x int8 products saturate, this makes ONNX Runtime use uint8 x uint8. Elsewhere it would only halve the
  // speed of int8 products.
  const saturates = device.provider === 'cpu' && (await fastInt8Storage()) === 'uint8';
  return saturates ? { ...options, extra: { session: { x64quantprecision: '1' } } } : options;
}
