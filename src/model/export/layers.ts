import type { Graph, Value } from '../onnx/graph.js';

/**
 * Precision of the weights and of the arithmetic inside a graph; graph inputs and outputs are always float32.
 * In `int8` and `int4` the linear layers of the decoder are quantised and the rest is fp32.
 */
export type Precision = (typeof PRECISIONS)[number];
export const PRECISIONS = ['fp32', 'fp16', 'int8', 'int4'] as const;

/** How the levels of int8 weights are stored: around 0, or around `ZERO_LEVEL` with the same meaning and the same products. */
export type LevelType = (typeof LEVEL_TYPES)[number];
export const LEVEL_TYPES = ['int8', 'uint8'] as const;

/** The uint8 level that stands for 0, of weights and of activations. */
export const ZERO_LEVEL = 128;

/** Whether a model of this precision gives other answers than its checkpoint by more than rounding of floats. */
export function isQuantised(precision: Precision): boolean {
  return precision === 'int8' || precision === 'int4';
}

/** The graph element type of a precision. */
export function elementType(precision: Precision): 'float32' | 'float16' {
  return precision === 'fp16' ? 'float16' : 'float32';
}

/** Casts a float32 value to the graph's precision. */
export function toPrecision(g: Graph, x: Value, precision: Precision): Value {
  return precision === 'fp16' ? g.op('Cast', [x], { to: 10 }) : x;
}

/** Casts a value of the graph's precision to float32. */
export function toFloat32(g: Graph, x: Value, precision: Precision): Value {
  return precision === 'fp16' ? g.op('Cast', [x], { to: 1 }) : x;
}

/**
 * torch.nn.Linear with bias: [rows, in] -> [rows, out]. The weight stays [out, in], as PyTorch stores it.
 * A product and an Add are faster here than Gemm, which writes the bias to the whole output first (65,536 x 192 x 768 on
 * two cores: 89 against 107 ms).
 */
export function linear(g: Graph, x: Value, name: string): Value {
  return g.op('Add', [product(g, x, g.weight(`${name}.weight`)), g.weight(`${name}.bias`)]);
}

/** torch.nn.Linear with bias, then the exact GELU, in one pass over the product. */
export function linearGelu(g: Graph, x: Value, name: string): Value {
  if (g.portable) return g.op('Gelu', [linear(g, x, name)]);
  return g.op('BiasGelu', [product(g, x, g.weight(`${name}.weight`)), g.weight(`${name}.bias`)]);
}

/** x times the transpose of a weight [out, in]. */
export function product(g: Graph, x: Value, weight: Value): Value {
  if (g.portable) return g.op('MatMul', [x, g.op('Transpose', [weight], { perm: [1, 0] })]);
  return g.op('FusedMatMul', [x, weight], { transB: 1 });
}

/** torch.nn.LayerNorm over the last axis. */
export function layerNorm(g: Graph, x: Value, name: string, eps: number): Value {
  // WebGPU loses digits where the mean is large beside the spread; without the mean the result is the same.
  const centred = g.portable ? g.op('Sub', [x, g.op('ReduceMean', [x, g.ints([-1])], { keepdims: 1 })]) : x;
  return g.op('LayerNormalization', [centred, g.weight(`${name}.weight`), g.weight(`${name}.bias`)], {
    axis: -1,
    epsilon: { float: eps },
  });
}

/** torch.nn.GELU, the exact form with erf. */
export function gelu(g: Graph, x: Value): Value {
  return g.op('Gelu', [x]);
}

export function reshape(g: Graph, x: Value, shape: readonly number[]): Value {
  return g.op('Reshape', [x, g.ints(shape)]);
}

/** [n, channels, side, side] -> [n * side * side, channels] */
export function mapToRows(g: Graph, map: Value, channels: number): Value {
  return reshape(g, g.op('Transpose', [map], { perm: [0, 2, 3, 1] }), [-1, channels]);
}

/** [n * side * side, channels] -> [n, channels, side, side] */
export function rowsToMap(g: Graph, rows: Value, side: number, channels: number): Value {
  return g.op('Transpose', [reshape(g, rows, [-1, side, side, channels])], { perm: [0, 3, 1, 2] });
}
