import { product } from '../src/model/export/layers.js';
import { quantisedName, scalesName } from '../src/model/export/stored-tensors.js';
import type { Graph } from '../src/model/onnx/graph.js';
import { ELEMENT_TYPE } from '../src/model/onnx/onnx-proto.js';
import type { InferenceSession } from '../src/model/onnxruntime.js';
import { ZERO_POINT } from '../src/model/precision.js';
import { bestTimes, hiddenSize, intermediateSize, layer, oneLayer } from './one-layer.js';
import { withFolder } from './temporary-folder.js';

const PREFILL_TOKENS = 1100;

/** One layer of a 7B decoder in fp32, int8 and int4, and its matrix products alone, alternating. */
export async function quantisedLayer(): Promise<string> {
  return withFolder(async (folder) => {
    const sessions: Record<string, InferenceSession> = {};
    for (const precision of ['fp32', 'int8', 'int4'] as const) {
      const open = await oneLayer(folder, precision);
      sessions[precision] = await open(precision, (g) => layer(g, precision));
      if (precision === 'fp32') sessions['products'] = await open('products', productsAlone);
      if (precision !== 'int8') continue;
      sessions['integer products'] = await open('integer products', integerProductsAlone);
      sessions['dynamic products'] = await open('dynamic products', dynamicProductsAlone);
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
