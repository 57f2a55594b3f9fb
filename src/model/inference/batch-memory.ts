import type { Model } from '../model-folder.js';

/** Padded sizes of a batch. */
export interface BatchShape {
  rows: number;
  /** Tokens of the longest row, visual tokens included. */
  length: number;
  /** Questions of the fullest row. */
  questions: number;
}

/** What the allocator keeps beside the tensors that are alive: freed blocks of other shapes. See docs/architecture.md. */
const ARENA_OVERHEAD = 1.8;

/**
 * Bytes that the weights take once they are loaded. The CPU packs a copy beside the file that it maps, whose pages can go
 * when memory is short.
 */
export function weightBytes({ manifest }: Model): number {
  return manifest.weights.reduce((sum, { bytes }) => sum + bytes, 0);
}

/**
 * Estimated bytes that running a batch takes beside the weights: the larger of vision and generation, which run one after
 * the other. Written for ONNX Runtime's CPU kernels, which keep attention scores whole; kernels that do not need less.
 */
export function batchBytes(model: Model, shape: BatchShape, maxNewTokens: number): number {
  const images = model.vision.visualTokens * shape.rows;
  const features = 4 * images * model.manifest.architecture.language.hiddenSize;
  const peak = Math.max(shape.rows * visionBytesPerImage(model), generateBytes(model, shape, maxNewTokens));
  return ARENA_OVERHEAD * (peak + features);
}

/** One question, as benchmarks ask it. */
const PROMPT_TOKENS = 100;
const NEW_TOKENS = 32;

/**
 * Whether a model and one question at a time fit into so many free bytes with ONNX Runtime's arena, which keeps what a run
 * frees. Where they do not, memory goes back to the system at once and has to be cleared by it for every tensor.
 */
export function fitsWithArena(model: Model, freeBytes: number): boolean {
  const shape = { rows: 1, length: model.vision.visualTokens + PROMPT_TOKENS, questions: 1 };
  return weightBytes(model) + batchBytes(model, shape, NEW_TOKENS) <= freeBytes;
}

/** The largest moment of the towers for one image. */
function visionBytesPerImage({ manifest, vision }: Model): number {
  const { clip, convnext } = manifest.architecture;
  const float = manifest.precision === 'fp16' ? 2 : 4;
  const side = vision.resolution;
  const tokens = vision.visualTokens + 1;
  const scores = clip.heads * tokens ** 2;
  const mlp = 2 * tokens * clip.intermediateSize;
  const clipPeak = 6 * tokens * clip.hiddenSize + Math.max(scores, mlp);
  // The first stage's MLP: a quarter of the side, four times the channels, before and after its activation.
  const stage = convnext ? (side / 4) ** 2 * convnext.dims[0]! : 0;
  const convnextPeak = (2 + 2 * 4) * stage;
  const pixels = 2 * 3 * side ** 2;
  return float * (Math.max(clipPeak, convnextPeak) + pixels);
}

/** The prefill's largest moment and the cache, which is there twice when it grows. */
function generateBytes({ manifest }: Model, { rows, length, questions }: BatchShape, maxNewTokens: number): number {
  const { layers, hiddenSize, heads, intermediateSize, vocabSize } = manifest.architecture.language;
  const float = manifest.precision === 'fp16' ? 2 : 4;
  const keys = length + questions * maxNewTokens;
  const cache = float * 2 * layers * rows * keys * hiddenSize;
  const tokens = rows * length;
  const scores = float * rows * heads * length ** 2;
  const mlp = float * 3 * tokens * intermediateSize;
  const hidden = float * 6 * tokens * hiddenSize;
  const bias = rows * length ** 2 * (float + 4 + 3);
  const logits = rows * questions * vocabSize * (4 + float);
  const growing = 2 * cache;
  const prefill = cache * (length / keys) + hidden + bias + Math.max(scores, mlp);
  return Math.max(growing, prefill) + logits;
}
