import './without-telemetry.js';

/** ONNX Runtime, loaded with telemetry off. A worker thread may import this only if its parent thread did so first. */
// biome-ignore lint/style/noRestrictedImports: the only place that imports it
export { InferenceSession, Tensor } from 'onnxruntime-node';
