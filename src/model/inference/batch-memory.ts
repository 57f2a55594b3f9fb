import { max } from 'simple-statistics';
import { type Architecture, keyValueHeadsOf } from '../architecture.js';
import { QUERY_PARTS } from '../export/prefix-attention.js';
import { visionSizes } from '../export/vision-sizes.js';
import { maxTiles } from '../images/tiles.js';
import type { Model } from '../model-folder.js';
import { prefixParts } from './prefix-parts.js';

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
 * @param keepsFreed with ONNX Runtime's arena, see `fitsWithArena`
 */
export function batchBytes(model: Model, shape: BatchShape, maxNewTokens: number, keepsFreed = true): number {
  const images = model.vision.visualTokens * shape.rows;
  const features = 4 * images * model.manifest.architecture.language.hiddenSize;
  const peak = Math.max(shape.rows * visionBytesPerImage(model), generateBytes(model, shape, maxNewTokens));
  return (keepsFreed ? ARENA_OVERHEAD : 1) * (peak + features);
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

/** Most square inputs that an image becomes. */
export function squaresPerImage({ tiling, inputImageSize }: Architecture): number {
  return tiling === undefined ? 1 : maxTiles(tiling, inputImageSize);
}

/** Peak bytes of the vision towers for one image. */
function visionBytesPerImage({ manifest, vision }: Model): number {
  const { clip, convnext } = manifest.architecture;
  const float = manifest.precision === 'fp16' ? 2 : 4;
  const side = vision.resolution;
  const tokens = visionSizes(manifest.architecture, side).squareTokens + 1;
  const squares = squaresPerImage(manifest.architecture);
  const scores = clip.heads * tokens ** 2;
  const mlp = 2 * tokens * clip.intermediateSize;
  const clipPeak = 6 * tokens * clip.hiddenSize + Math.max(scores, mlp);
  // MLP of the first stage: a quarter of the side, four times the channels, before and after the activation.
  const stage = convnext ? (side / 4) ** 2 * convnext.dims[0]! : 0;
  const convnextPeak = (2 + 2 * 4) * stage;
  const pixels = 2 * 3 * side ** 2;
  return squares * float * (Math.max(clipPeak, convnextPeak) + pixels);
}

/**
 * Peak bytes of generation, of three moments: the last part of the prefix, whose keys and values the loop copies when it
 * hands them out; the first step over the questions; and the last step, in which those of the new tokens grow. Keys and
 * values of the prefix are there once.
 */
function generateBytes({ manifest, vision }: Model, shape: BatchShape, maxNewTokens: number): number {
  const { layers, hiddenSize, heads, vocabSize } = manifest.architecture.language;
  const keyValueSize = (keyValueHeadsOf(manifest.architecture.language) * hiddenSize) / heads;
  const float = manifest.precision === 'fp16' ? 2 : 4;
  const { rows, length, questions } = shape;
  const prefixLength = Math.min(vision.visualTokens, length - 1);
  const part = max([0, ...prefixParts({ rows, prefixLength }, heads).map((one) => one.length)]);
  const cacheOf = (tokens: number): number => float * 2 * layers * rows * tokens * keyValueSize;
  const logits = rows * questions * vocabSize * (4 + float);
  const prefix = cacheOf(prefixLength);
  const tail = length - prefixLength;
  const scoresOf = (tokens: number, keys: number): number => float * rows * heads * tokens * keys;
  const partScores = scoresOf(part / QUERY_PARTS, prefixLength);
  const lastPart = (part < prefixLength ? prefix : 0) + 2 * cacheOf(part) + stepBytes(manifest, rows, part, partScores);
  // Of both blocks, joined, and after the softmax.
  const firstStep = prefix + cacheOf(tail) + stepBytes(manifest, rows, tail, 3 * scoresOf(tail, length));
  const lastStep = prefix + 2 * cacheOf(tail + questions * maxNewTokens);
  return Math.max(lastPart, firstStep, lastStep) + logits;
}

/** Peak bytes inside a decoder layer for new tokens. @param scores bytes of attention scores */
function stepBytes(
  { architecture, precision }: Model['manifest'],
  rows: number,
  tokens: number,
  scores: number,
): number {
  const { hiddenSize, intermediateSize } = architecture.language;
  const float = precision === 'fp16' ? 2 : 4;
  const mlp = float * 3 * rows * tokens * intermediateSize;
  const hidden = float * 6 * rows * tokens * hiddenSize;
  const bias = rows * tokens ** 2 * (float + 4 + 3);
  return hidden + bias + Math.max(scores, mlp);
}
