import type { Model } from '../model-folder.js';

/** Padded sizes of a batch. */
export interface BatchShape {
  rows: number;
  /** Tokens of the longest row, visual tokens included. */
  length: number;
  /** Questions of the fullest row. */
  questions: number;
}

/** Factor for freed blocks of other shapes that the allocator keeps in addition to live tensors. See docs/decisions/0017. */
const ARENA_OVERHEAD = 1.8;

/**
 * Bytes of the loaded weights. The CPU provider packs a copy in addition to the mapped file, whose pages the kernel can
 * evict when memory is short.
 */
export function weightBytes({ manifest }: Model): number {
  return manifest.weights.reduce((sum, { bytes }) => sum + bytes, 0);
}

/**
 * Estimated bytes for running a batch, without the weights: the larger of vision and generation, which run one after the
 * other. Assumes ONNX Runtime's CPU kernels, which materialise attention scores; kernels that do not need less memory.
 */
export function batchBytes(model: Model, shape: BatchShape, maxNewTokens: number): number {
  const images = model.vision.visualTokens * shape.rows;
  const features = 4 * images * model.manifest.architecture.language.hiddenSize;
  const peak = Math.max(shape.rows * visionBytesPerImage(model), generateBytes(model, shape, maxNewTokens));
  return ARENA_OVERHEAD * (peak + features);
}

/** Size of a typical benchmark question. */
const PROMPT_TOKENS = 100;
const NEW_TOKENS = 32;

/**
 * Whether a model and one question at a time fit into `freeBytes` with ONNX Runtime's arena, which keeps freed memory for
 * the next run. Without the arena, every tensor's memory is returned to the system and zeroed again on allocation.
 */
export function fitsWithArena(model: Model, freeBytes: number): boolean {
  const shape = { rows: 1, length: model.vision.visualTokens + PROMPT_TOKENS, questions: 1 };
  return weightBytes(model) + batchBytes(model, shape, NEW_TOKENS) <= freeBytes;
}

/** Peak bytes of the vision towers for one image. */
function visionBytesPerImage({ manifest, vision }: Model): number {
  const { clip, convnext } = manifest.architecture;
  const float = manifest.precision === 'fp16' ? 2 : 4;
  const side = vision.resolution;
  const tokens = vision.visualTokens + 1;
  const scores = clip.heads * tokens ** 2;
  const mlp = 2 * tokens * clip.intermediateSize;
  const clipPeak = 6 * tokens * clip.hiddenSize + Math.max(scores, mlp);
  // MLP of the first stage: a quarter of the side, four times the channels, before and after the activation.
  const stage = convnext ? (side / 4) ** 2 * convnext.dims[0]! : 0;
  const convnextPeak = (2 + 2 * 4) * stage;
  const pixels = 2 * 3 * side ** 2;
  return float * (Math.max(clipPeak, convnextPeak) + pixels);
}

/** Peak bytes of generation: the prefill, or the KV cache, which exists twice while it grows. */
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
