import type { Graph, Value } from '../onnx/graph.js';
import { type Precision, product } from './layers.js';
import { levelsName, scalesName } from './stored-tensors.js';

/** What linear layers with the same input share: the values, or in int8 their levels and one scale per row. */
export type LinearInput = { x: Value } | { levels: Value; scales: Value };

/** MatMulInteger is fast for uint8 activations only; this level stands for 0. */
const ZERO_POINT = 128;

/** Prepares [rows, tokens, in] for `decoderLinear`. */
export function linearInput(g: Graph, x: Value, precision: Precision): LinearInput {
  return precision === 'int8' ? quantisedRows(g.scope('quantise'), x) : { x };
}

/** A linear layer of the decoder, which has no bias: [rows, tokens, in] -> [rows, tokens, out]. */
export function decoderLinear(g: Graph, input: LinearInput, weight: string): Value {
  if ('x' in input) return product(g, input.x, g.weight(weight));
  const one = g.floats([1], []);
  const zeroPoint = g.uint8s([ZERO_POINT], []);
  const operands = [input.levels, g.weight(levelsName(weight)), one, g.weight(scalesName(weight)), zeroPoint];
  return g.op('Mul', [g.op('MatMulIntegerToFloat', operands), input.scales]);
}

/**
 * Rounds every row to 255 levels, ties to even: x[r, t, i] = (levels[r, t, i] - 128) * scales[r, t, 0]. A scale per row, not
 * one for all, since a few tokens of a Llama have values a thousand times as large as the others'.
 */
function quantisedRows(q: Graph, x: Value): LinearInput {
  const largest = q.op('ReduceMax', [q.op('Abs', [x]), q.ints([-1])], { keepdims: 1 });
  // A row of zeros must not divide by zero.
  const scales = q.op('Mul', [q.op('Max', [largest, q.floats([1e-30], [])]), q.floats([1 / 127], [])]);
  const perRow = q.op('Reshape', [scales, q.ints([-1])]);
  const zeroPoints = q.op('Expand', [q.uint8s([ZERO_POINT]), q.op('Shape', [perRow])]);
  const shape = q.op('Shape', [x]);
  const width = q.op('Slice', [shape, q.ints([-1]), q.ints([Number.MAX_SAFE_INTEGER])]);
  const rows = q.op('Reshape', [x, q.op('Concat', [q.ints([-1]), width], { axis: 0 })]);
  const levels = q.op('QuantizeLinear', [rows, perRow, zeroPoints], { axis: 0 });
  return { levels: q.op('Reshape', [levels, shape]), scales };
}
