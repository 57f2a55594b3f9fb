import { createHash } from 'node:crypto';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { Architecture } from '../architecture.js';
import type { Checkpoint } from './checkpoint.js';
import { requiredTensors } from './required-tensors.js';

/** Incremented when the values for the same architecture change. */
export const RANDOM_WEIGHTS_VERSION = 2;

/** Number of values drawn: a prime, so that rows of common lengths do not repeat. */
const PATTERN_LENGTH = 1_048_583;
/** Value of layer scales: small like trained ones, so that the residual stream does not grow. */
const LAYER_SCALE = 0.1;

/**
 * A checkpoint of the given dimensions with generated values, for measuring speed, which does not depend on them. The
 * values are deterministic: weights have a standard deviation of 1 / sqrt(inputs), so that activations keep their
 * magnitude through the layers; norms are 1, biases 0. None is denormal, which would slow down arithmetic.
 * Only the tensor being read is in memory.
 */
export function randomCheckpoint(architecture: Architecture): Checkpoint {
  const shapes = requiredTensors(architecture);
  const pattern = drawPattern();
  const shapeOf = (name: string): readonly number[] => {
    const shape = shapes.get(name);
    if (!shape) throw new Error(`the architecture has no tensor ${name}`);
    return shape;
  };
  return {
    folder: '',
    tokenizerFolder: '',
    layout: 'random',
    architecture,
    files: [],
    notes: [],
    warnings: [],
    tensor: (name) => ({ name, dtype: 'BF16', shape: shapeOf(name), file: 'random weights' }),
    async read(name) {
      const shape = shapeOf(name);
      const values = new Uint16Array(shape.reduce((product, size) => product * size, 1));
      fill(values, name, shape, pattern);
      return new Uint8Array(values.buffer);
    },
    async close() {},
  };
}

/** Fills a tensor with bfloat16 values, the type that LLaVA-HR's checkpoints are stored in. */
function fill(values: Uint16Array, name: string, shape: readonly number[], pattern: Float32Array): void {
  if (name.endsWith('.bias')) return;
  if (shape.length === 1) {
    values.fill(toBfloat16(/\.blocks\.\d+\.weight$/.test(name) ? LAYER_SCALE : 1));
    return;
  }
  const inputs = values.length / shape[0]!;
  // Embeddings are looked up, not multiplied: their rows have the magnitude of a layer's input.
  const deviation = /embed_tokens|position_embedding/.test(name) ? 1 : 1 / Math.sqrt(inputs);
  const start = createHash('sha256').update(name).digest().readUInt32LE() % pattern.length;
  const period = Math.min(pattern.length, values.length);
  for (let i = 0; i < period; i++) values[i] = toBfloat16(pattern[(start + i) % pattern.length]! * deviation);
  for (let at = period; at < values.length; at += period) values.copyWithin(at, 0, period);
}

const float = new Float32Array(1);
const floatBits = new Uint32Array(float.buffer);

/** The upper half of a float32, that is, rounded towards zero, which is good enough for generated values. */
function toBfloat16(value: number): number {
  float[0] = value;
  return floatBits[0]! >>> 16;
}

/** Values with a standard deviation of 1 and magnitudes within a factor of two of each other, half of them negative. */
function drawPattern(): Float32Array {
  const random = xoroshiro128plus(RANDOM_WEIGHTS_VERSION);
  const rootMeanSquare = Math.sqrt(7 / 12); // of numbers uniform in [0.5, 1]
  return Float32Array.from({ length: PATTERN_LENGTH }, () => {
    const drawn = random.next(); // int32
    const size = 0.5 + Math.abs(drawn >> 1) / 2 ** 31;
    return (drawn & 1 ? -size : size) / rootMeanSquare;
  });
}
