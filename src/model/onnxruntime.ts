import './without-telemetry.js';

/** ONNX Runtime, loaded with its telemetry off. A thread that imports this must be started by one that did so, too. */
// biome-ignore lint/style/noRestrictedImports: the one place
export { InferenceSession, Tensor } from 'onnxruntime-node';
