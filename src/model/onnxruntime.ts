import './without-telemetry.js';
// biome-ignore lint/style/noRestrictedImports: the only place that imports it
import { env, InferenceSession, Tensor } from 'onnxruntime-node';

env.logLevel = 'error'; // its warnings, such as that a container hides the GPU's files, would go to stderr

/** ONNX Runtime, loaded with telemetry off. A worker thread may import this only if its parent thread did so first. */
export { InferenceSession, Tensor };
