import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Architecture } from '../src/model/architecture.js';
import { randomCheckpoint } from '../src/model/checkpoint/random-checkpoint.js';
import { splitKeyValue } from '../src/model/export/attention.js';
import { fastInt8Storage } from '../src/model/export/fast-int8-storage.js';
import { decoderLayers } from '../src/model/export/llama.js';
import { attendToCached, prefixRun } from '../src/model/export/prefix-attention.js';
import { planWeights, writeWeights } from '../src/model/export/weight-files.js';
import { sessionOptions } from '../src/model/inference/session-options.js';
import { createGraph, type Graph } from '../src/model/onnx/graph.js';
import { encodeModel } from '../src/model/onnx/onnx-proto.js';
import { InferenceSession, Tensor } from '../src/model/onnxruntime.js';
import type { Precision } from '../src/model/precision.js';
import { HR_7B_TWO_LAYERS, MID_SIZE } from './architectures.js';

/** One decoder layer of LLaVA-HR-7B, with small surroundings. */
const ONE_LAYER: Architecture = {
  ...MID_SIZE,
  language: { ...HR_7B_TWO_LAYERS.language, layers: 1, vocabSize: 32 },
};
export const { hiddenSize, heads, intermediateSize } = ONE_LAYER.language;
const ROUNDS = 3;

/** Sessions of graphs that share the weights of one layer. */
export type OneLayer = (name: string, write: (g: Graph) => void) => Promise<InferenceSession>;

/** Writes a layer's random weights to `folder`. */
export async function oneLayer(folder: string, precision: Precision): Promise<OneLayer> {
  const plan = planWeights(ONE_LAYER, precision, await fastInt8Storage());
  const own = join(folder, precision); // file names are the same in every precision
  await mkdir(own);
  await writeWeights(randomCheckpoint(ONE_LAYER), plan, own, () => undefined);
  return async (name, write) => {
    const g = createGraph('bench', plan.locations, false);
    write(g);
    const path = join(own, `${name}.onnx`);
    await writeFile(path, encodeModel(g.toProto(), 'bench'));
    return InferenceSession.create(path, await sessionOptions({ provider: 'cpu', index: 0 }, 0));
  };
}

/** The layer for new tokens with a KV cache, as in the loop of the generation graph. */
export function layer(g: Graph, precision: Precision): void {
  const cached = cacheInputs(g);
  const bias = g.input('bias', 'float32', ['rows', 1, 'new', 'new']);
  const run = prefixRun(g, g.input('segments', 'int64', ['rows', 'new']), cached.key, { bias });
  const hidden = decoderLayers(g, ONE_LAYER.language, precision, {
    x: g.input('x', 'float32', ['rows', 'new', hiddenSize]),
    positions: g.input('positions', 'int64', ['rows', 'new']),
    lastIndex: g.input('last', 'int64', ['rows', 'new', 1]), // all tokens, as in a middle layer
    attention: {
      keep: () => undefined,
      attend: (l, _, inputs) =>
        attendToCached(l, inputs, [{ keys: cached }, { keys: splitKeyValue(l, inputs), bias }], run, precision),
    },
  });
  g.output('hidden', hidden!, 'float32', ['rows', 'new', hiddenSize]);
}

/** The cached keys and values as inputs. */
export function cacheInputs(g: Graph): { key: string; value: string } {
  const shape = ['rows', heads, 'past', hiddenSize / heads];
  return { key: g.input('past_key', 'float32', shape), value: g.input('past_value', 'float32', shape) };
}

/**
 * Shortest time of each session in ms, alternating between sessions; the first round is a warm-up.
 * @param tokens new tokens
 * @param past cached tokens
 */
export async function bestTimes(
  sessions: Record<string, InferenceSession>,
  tokens: number,
  past: number,
): Promise<Record<string, number>> {
  const feeds = feedsOf(tokens, past);
  const best: Record<string, number> = {};
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [name, session] of Object.entries(sessions)) {
      const start = performance.now();
      await session.run(Object.fromEntries(session.inputNames.map((input) => [input, feeds[input]!])));
      const ms = performance.now() - start;
      if (round > 0) best[name] = Math.min(best[name] ?? Number.POSITIVE_INFINITY, ms);
    }
  }
  return best;
}

/** Every input that the graphs of a layer have. */
function feedsOf(tokens: number, past: number): Record<string, Tensor> {
  const ramp = BigInt64Array.from({ length: tokens }, (_, i) => BigInt(i));
  const cache = (): Tensor =>
    new Tensor('float32', new Float32Array(past * hiddenSize).fill(0.1), [1, heads, past, hiddenSize / heads]);
  const x = Float32Array.from({ length: tokens * hiddenSize }, (_, i) => Math.sin(i));
  const positions = ramp.map((i) => i + BigInt(past));
  return {
    x: new Tensor('float32', x, [1, tokens, hiddenSize]),
    quantised: quantisedTensor(tokens, hiddenSize),
    wide_quantised: quantisedTensor(tokens, intermediateSize),
    positions: new Tensor('int64', positions, [1, tokens]),
    segments: new Tensor('int64', new BigInt64Array(tokens), [1, tokens]),
    bias: new Tensor('float32', new Float32Array(tokens * tokens), [1, 1, tokens, tokens]),
    last: new Tensor('int64', ramp, [1, tokens, 1]),
    past_key: cache(),
    past_value: cache(),
  };
}

function quantisedTensor(tokens: number, width: number): Tensor {
  const values = Uint8Array.from({ length: tokens * width }, (_, i) => (i * 89) % 256);
  return new Tensor('uint8', values, [1, tokens, width]);
}
