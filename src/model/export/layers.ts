import type { Graph, Value } from '../onnx/graph.js';
import { ELEMENT_TYPE, type ElementType } from '../onnx/onnx-proto.js';
import type { Precision } from '../precision.js';
import { int8Product, isInt8, quantiseRows } from './int8-linear.js';
import { quantisedName } from './stored-tensors.js';

/** Casts a value of any shape to an element type. */
export function cast(g: Graph, x: Value, type: ElementType): Value {
  return g.op('Cast', [x], { to: ELEMENT_TYPE[type] });
}

/** Casts a float32 value to the graph's precision. */
export function toPrecision(g: Graph, x: Value, precision: Precision): Value {
  return precision === 'fp16' ? cast(g, x, 'float16') : x;
}

/** Casts a value of the graph's precision to float32. */
export function toFloat32(g: Graph, x: Value, precision: Precision): Value {
  return precision === 'fp16' ? cast(g, x, 'float32') : x;
}

/**
 * torch.nn.Linear with bias: [rows, in] -> [rows, out]. The weight stays [out, in], as PyTorch stores it.
 * MatMul followed by Add is faster here than Gemm, which first writes the bias to the whole output (65,536 x 192 x 768 on
 * two cores: 89 ms instead of 107 ms).
 */
export function linear(g: Graph, x: Value, name: string): Value {
  return g.op('Add', [weightProduct(g, x, name), g.weight(`${name}.bias`)]);
}

/** `linear` times a factor per output, [out], which costs nothing in int8. */
export function scaledLinear(g: Graph, x: Value, name: string, scale: Value): Value {
  if (!isInt8(g, `${name}.weight`)) return g.op('Mul', [linear(g, x, name), scale]);
  const bias = g.op('Mul', [g.weight(`${name}.bias`), scale]);
  return g.op('Add', [weightProduct(g, x, name, scale), bias]);
}

/** torch.nn.Linear with bias followed by exact GELU, fused into one pass over the output. */
export function linearGelu(g: Graph, x: Value, name: string): Value {
  if (g.portable) return g.op('Gelu', [linear(g, x, name)]);
  return g.op('BiasGelu', [weightProduct(g, x, name), g.weight(`${name}.bias`)]);
}

/** x times the transpose of `name.weight`, [out, in] or a 1x1 convolution's [out, in, 1, 1]; in int8 if it is stored so. */
function weightProduct(g: Graph, x: Value, name: string, int8Scale?: Value): Value {
  const weight = `${name}.weight`;
  if (isInt8(g, weight)) {
    const [inputs] = g.weightShape(quantisedName(weight));
    return int8Product(g, quantiseRows(g, x, inputs!), weight, int8Scale);
  }
  const shape = g.weightShape(weight);
  const stored = g.weight(weight);
  return product(g, x, shape.length === 2 ? stored : reshape(g, stored, shape.slice(0, 2)));
}

/** x times the transposed weight: [..., in] times [out, in]^T -> [..., out]. */
export function product(g: Graph, x: Value, weight: Value): Value {
  if (!g.portable) return g.op('FusedMatMul', [x, weight], { transB: 1 });
  const transposed = g.once(`transposed ${weight}`, () => g.op('Transpose', [weight], { perm: [1, 0] }));
  return g.op('MatMul', [x, transposed]);
}

/** torch.nn.LayerNorm over the last axis. */
export function layerNorm(g: Graph, x: Value, name: string, eps: number): Value {
  // WebGPU loses precision when the mean is large relative to the deviation. Subtracting it first gives the same result.
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

/** torch.nn.SiLU, x * sigmoid(x): ONNX Runtime's QuickGelu, x * sigmoid(alpha * x), with alpha 1. */
export function silu(g: Graph, x: Value): Value {
  return g.op('QuickGelu', [x], { alpha: { float: 1 } });
}

/** OpenAI CLIP's approximation of GELU, x * sigmoid(1.702 * x). */
export function quickGelu(g: Graph, x: Value): Value {
  return g.op('QuickGelu', [x], { alpha: { float: 1.702 } });
}

/** Reshapes to `shape`, where 0 keeps a dimension of x and one -1 takes what is left. */
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
