import { createHash } from 'node:crypto';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { Architecture } from '../architecture.js';
import type { Checkpoint } from './checkpoint.js';
import { requiredTensors } from './required-tensors.js';

/** Raised when the same architecture gets other values. */
export const RANDOM_WEIGHTS_VERSION = 2;

/** Values drawn once: a prime, so that rows of no usual length repeat. */
const PATTERN_LENGTH = 1_048_583;
/** Of layer scales: as trained ones, small, so that the residual stream does not grow. */
const LAYER_SCALE = 0.1;

/**
 * A checkpoint of the given dimensions with made-up values, for measuring speed, which does not depend on them. They are
 * the same every time: weights with a deviation of 1 / sqrt(inputs), so that activations keep their size through the
 * layers, norms of 1, biases of 0. No value is so small that arithmetic with it would be slow (denormal).
 * Nothing is held in memory but the tensor that is read.
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
    layout: 'random',
    architecture,
    files: [],
    notes: [],
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
  // Tables are looked up, not multiplied with: their rows are of the size of a layer's input.
  const deviation = /embed_tokens|position_embedding/.test(name) ? 1 : 1 / Math.sqrt(inputs);
  const start = createHash('sha256').update(name).digest().readUInt32LE() % pattern.length;
  const period = Math.min(pattern.length, values.length);
  for (let i = 0; i < period; i++) values[i] = toBfloat16(pattern[(start + i) % pattern.length]! * deviation);
  for (let at = period; at < values.length; at += period) values.copyWithin(at, 0, period);
}

const float = new Float32Array(1);
const floatBits = new Uint32Array(float.buffer);

/** The upper half of a float32: rounded towards zero, which made-up values need not be spared. */
function toBfloat16(value: number): number {
  float[0] = value;
  return floatBits[0]! >>> 16;
}

/** Values of deviation 1 whose sizes are within a factor of two of each other, half of them negative. */
function drawPattern(): Float32Array {
  const random = xoroshiro128plus(RANDOM_WEIGHTS_VERSION);
  const rootMeanSquare = Math.sqrt(7 / 12); // of numbers uniform in [0.5, 1]
  return Float32Array.from({ length: PATTERN_LENGTH }, () => {
    const drawn = random.next(); // int32
    const size = 0.5 + Math.abs(drawn >> 1) / 2 ** 31;
    return (drawn & 1 ? -size : size) / rootMeanSquare;
  });
}
