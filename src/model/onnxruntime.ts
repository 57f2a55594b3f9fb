import './without-telemetry.js';
// biome-ignore lint/style/noRestrictedImports: the only place that imports it
import { env, InferenceSession, Tensor } from 'onnxruntime-node';

env.logLevel = 'error'; // its warnings, such as that a container hides the GPU's files, would go to stderr

keepHalvesAsUint16();

/** ONNX Runtime, loaded with telemetry off. A worker thread may import this only if its parent thread did so first. */
export { InferenceSession, Tensor };

/**
 * Makes float16 tensors hold a Uint16Array on every Node.js. Where Float16Array exists (Node.js 24), onnxruntime-common
 * converts to it, but the native part of 1.30 takes its length for 0 ("not enough space"; microsoft/onnxruntime#32323).
 * onnxruntime-common looks for it once, when the first tensor is created.
 */
function keepHalvesAsUint16(): void {
  const found = Object.getOwnPropertyDescriptor(globalThis, 'Float16Array');
  if (found === undefined) return;
  Reflect.deleteProperty(globalThis, 'Float16Array');
  new Tensor('float16', new Uint16Array(0), [0]);
  Object.defineProperty(globalThis, 'Float16Array', found);
}
