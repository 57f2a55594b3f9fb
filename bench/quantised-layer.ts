import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Architecture } from '../src/model/architecture.js';
import { randomCheckpoint } from '../src/model/checkpoint/random-checkpoint.js';
import { splitKeyValue } from '../src/model/export/attention.js';
import { fastInt8Storage } from '../src/model/export/fast-int8-storage.js';
import { product } from '../src/model/export/layers.js';
import { decoderLayers } from '../src/model/export/llama.js';
import { attendToCached, prefixRun } from '../src/model/export/prefix-attention.js';
import { quantisedName, scalesName } from '../src/model/export/stored-tensors.js';
import { planWeights, type WeightPlan, writeWeights } from '../src/model/export/weight-files.js';
import { sessionOptions } from '../src/model/inference/session-options.js';
import { createGraph, type Graph } from '../src/model/onnx/graph.js';
import { ELEMENT_TYPE, encodeModel } from '../src/model/onnx/onnx-proto.js';
import { InferenceSession, Tensor } from '../src/model/onnxruntime.js';
import { type Precision, ZERO_POINT } from '../src/model/precision.js';
import { HR_7B_TWO_LAYERS, MID_SIZE } from './architectures.js';
import { withFolder } from './temporary-folder.js';

/** One decoder layer of LLaVA-HR-7B, with small surroundings. */
const ONE_LAYER: Architecture = {
  ...MID_SIZE,
  language: { ...HR_7B_TWO_LAYERS.language, layers: 1, vocabSize: 32 },
};
const { hiddenSize, heads, intermediateSize } = ONE_LAYER.language;
const PREFILL_TOKENS = 1100;
const ROUNDS = 3;

/** One layer of a 7B decoder in fp32, int8 and int4, and its matrix products alone, alternating. */
export async function quantisedLayer(): Promise<string> {
  return withFolder(async (folder) => {
    const sessions: Record<string, InferenceSession> = {};
    const open = async (name: string, beside: string, write: (g: Graph) => void, plan: WeightPlan): Promise<void> => {
      const g = createGraph('bench', plan.locations, false);
      write(g);
      await writeFile(join(beside, `${name}.onnx`), encodeModel(g.toProto(), 'bench'));
      const options = await sessionOptions({ provider: 'cpu', index: 0 }, 0);
      sessions[name] = await InferenceSession.create(join(beside, `${name}.onnx`), options);
    };
    for (const precision of ['fp32', 'int8', 'int4'] as const) {
      const plan = planWeights(ONE_LAYER, precision, await fastInt8Storage());
      const own = join(folder, precision); // file names are the same in every precision
      await mkdir(own);
      await writeWeights(randomCheckpoint(ONE_LAYER), plan, own, () => undefined);
      await open(precision, own, (g) => layer(g, precision), plan);
      if (precision === 'fp32') await open('products', own, productsAlone, plan);
      if (precision !== 'int8') continue;
      await open('integer products', own, integerProductsAlone, plan);
      await open('dynamic products', own, dynamicProductsAlone, plan);
    }
    const [prefill, decode] = [
      await bestTimes(sessions, PREFILL_TOKENS, 0),
      await bestTimes(sessions, 1, PREFILL_TOKENS),
    ];
    const ratio = (times: Record<string, number>, a: string, b: string): string => (times[a]! / times[b]!).toFixed(2);
    const fastest = (times: Record<string, number>): string =>
      times['dynamic products']! < times['integer products']! ? 'dynamic products' : 'integer products';
    const faster = (times: Record<string, number>, name: string): string => ratio(times, 'fp32', name);
    return (
      `prefill of ${PREFILL_TOKENS} tokens is ${faster(prefill, 'int8')} times as fast in int8 as in fp32 (target: at least 4), ` +
      `${faster(prefill, 'int4')} in int4; decoding ${faster(decode, 'int8')} (target: at least 2) and ` +
      `${faster(decode, 'int4')}; fp32 prefill reaches ${ratio(prefill, 'products', 'fp32')} of its matrix products ` +
      `alone (target: at least 0.7), int8 ${ratio(prefill, fastest(prefill), 'int8')} of the fastest integer products ` +
      `(target: at least 0.85), which are ${ratio(prefill, 'products', fastest(prefill))} times as fast as those of fp32 on ` +
      `this processor; MatMulInteger ${ratio(prefill, 'products', 'integer products')}, ` +
      `DynamicQuantizeMatMul ${ratio(prefill, 'products', 'dynamic products')}`
    );
  });
}

/** A layer for new tokens with a KV cache, as in the loop of the generation graph. */
function layer(g: Graph, precision: Precision): void {
  const shape = ['rows', heads, 'past', hiddenSize / heads];
  const cached = { key: g.input('past_key', 'float32', shape), value: g.input('past_value', 'float32', shape) };
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

/** Each product separately, with inputs of the right width; only the last rows are graph outputs. */
function productsAlone(g: Graph): void {
  const x = g.input('x', 'float32', ['rows', 'new', hiddenSize]);
  const of = (from: string, part: string): string => product(g, from, g.weight(`model.layers.0.${part}.weight`));
  const up = of(x, 'mlp.up_proj');
  const parts = ['q', 'k', 'v', 'o'].map((part) => of(x, `self_attn.${part}_proj`));
  const all = [...parts, of(x, 'mlp.gate_proj'), of(up, 'mlp.down_proj')];
  all.forEach((value, i) => {
    g.output(`part${i}`, g.op('Gather', [value, g.ints([-1])], { axis: 1 }), 'float32', ['rows', 1, 'width']);
  });
}

/** The same products with quantised values. */
function integerProductsAlone(g: Graph): void {
  const zero = g.uint8s([ZERO_POINT], []);
  const x = g.input('quantised', 'uint8', ['rows', 'new', hiddenSize]);
  const wide = g.input('wide_quantised', 'uint8', ['rows', 'new', intermediateSize]);
  const of = (from: string, part: string): string => {
    const name = quantisedName(`model.layers.0.${part}.weight`);
    const zeroPoints = g.weightType(name) === 'uint8' ? [zero, zero] : [zero];
    return g.op('MatMulInteger', [from, g.weight(name), ...zeroPoints]);
  };
  const parts = ['q', 'k', 'v', 'o'].map((part) => of(x, `self_attn.${part}_proj`));
  const all = [...parts, of(x, 'mlp.gate_proj'), of(x, 'mlp.up_proj'), of(wide, 'mlp.down_proj')];
  all.forEach((value, i) => {
    const last = g.op('Cast', [g.op('Gather', [value, g.ints([-1])], { axis: 1 })], { to: ELEMENT_TYPE.float32 });
    g.output(`part${i}`, last, 'float32', ['rows', 1, 'width']);
  });
}

/** The same by DynamicQuantizeMatMul, which quantises its float32 input by one scale for all rows. */
function dynamicProductsAlone(g: Graph): void {
  const x = g.input('x', 'float32', ['rows', 'new', hiddenSize]);
  const of = (from: string, part: string): string => {
    const weight = `model.layers.0.${part}.weight`;
    const name = quantisedName(weight);
    const zeroPoint = g.weightType(name) === 'uint8' ? [g.uint8s([ZERO_POINT], [])] : [];
    return g.op('DynamicQuantizeMatMul', [from, g.weight(name), g.weight(scalesName(weight)), ...zeroPoint]);
  };
  const up = of(x, 'mlp.up_proj');
  const parts = ['q', 'k', 'v', 'o'].map((part) => of(x, `self_attn.${part}_proj`));
  const all = [...parts, of(x, 'mlp.gate_proj'), of(up, 'mlp.down_proj')];
  all.forEach((value, i) => {
    g.output(`part${i}`, g.op('Gather', [value, g.ints([-1])], { axis: 1 }), 'float32', ['rows', 1, 'width']);
  });
}

/** Shortest time of each session in ms, alternating between sessions; the first round is a warm-up. */
async function bestTimes(
  sessions: Record<string, InferenceSession>,
  tokens: number,
  past: number,
): Promise<Record<string, number>> {
  const ramp = BigInt64Array.from({ length: tokens }, (_, i) => BigInt(i));
  const cache = new Tensor('float32', new Float32Array(past * hiddenSize).fill(0.1), [
    1,
    heads,
    past,
    hiddenSize / heads,
  ]);
  const feeds: Record<string, Tensor> = {
    x: new Tensor(
      'float32',
      Float32Array.from({ length: tokens * hiddenSize }, (_, i) => Math.sin(i)),
      [1, tokens, hiddenSize],
    ),
    quantised: quantisedTensor(tokens, hiddenSize),
    wide_quantised: quantisedTensor(tokens, intermediateSize),
    positions: new Tensor(
      'int64',
      ramp.map((i) => i + BigInt(past)),
      [1, tokens],
    ),
    segments: new Tensor('int64', new BigInt64Array(tokens), [1, tokens]),
    bias: new Tensor('float32', new Float32Array(tokens * tokens), [1, 1, tokens, tokens]),
    last: new Tensor('int64', ramp, [1, tokens, 1]),
    past_key: cache,
    past_value: cache,
  };
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

function quantisedTensor(tokens: number, width: number): Tensor {
  return new Tensor(
    'uint8',
    Uint8Array.from({ length: tokens * width }, (_, i) => (i * 89) % 256),
    [1, tokens, width],
  );
}
