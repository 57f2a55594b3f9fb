import type { Graph, Value } from '../onnx/graph.js';
import { type Precision, ZERO_POINT } from '../precision.js';
import { product, reshape } from './layers.js';
import { INT4_BLOCK } from './quantise-weight.js';
import { quantisedName, scalesName } from './stored-tensors.js';

/** What linear layers with the same input share: the values, or in int8 their levels and one scale per row. */
export type LinearInput =
  | { precision: 'fp32' | 'fp16' | 'int4'; x: Value; width: number }
  | { precision: 'int8'; levels: Value; scales: Value };

/** Prepares [rows, tokens, width] for `decoderLinear`: MatMulInteger is fast for uint8 activations only. */
export function linearInput(g: Graph, x: Value, width: number, precision: Precision): LinearInput {
  return precision === 'int8' ? quantisedRows(g.scope('quantise'), x, width) : { precision, x, width };
}

/**
 * A linear layer of the decoder, which has no bias: [rows, tokens, in] -> [rows, tokens, outputs].
 * @param weight its name in the checkpoint, where it is [outputs, in]; see `storedTensors` for the other precisions
 */
export function decoderLinear(g: Graph, input: LinearInput, weight: string, outputs: number): Value {
  if (input.precision === 'int8') return int8Product(g, input.levels, input.scales, weight);
  if (input.precision === 'int4') return int4Product(g, input.x, input.width, weight, outputs);
  return product(g, input.x, g.weight(weight));
}

function int8Product(g: Graph, levels: Value, rowScales: Value, weight: string): Value {
  const one = g.floats([1], []);
  const zero = g.uint8s([ZERO_POINT], []);
  const name = quantisedName(weight);
  const operands = [levels, g.weight(name), one, g.weight(scalesName(weight)), zero];
  if (g.weightType(name) === 'uint8') operands.push(zero);
  return g.op('Mul', [g.op('MatMulIntegerToFloat', operands), rowScales]);
}

/** Accuracy level 4 lets the operator round its activations to int8, block by block: in float32 it is four times slower. */
function int4Product(g: Graph, x: Value, width: number, weight: string, outputs: number): Value {
  return g.op('MatMulNBits', [x, g.weight(quantisedName(weight)), g.weight(scalesName(weight))], {
    K: width,
    N: outputs,
    bits: 4,
    block_size: INT4_BLOCK,
    accuracy_level: 4,
  });
}

/**
 * Rounds every row to 255 levels, ties to even: x[r, t, i] = (levels[r, t, i] - 128) * scales[r, t, 0]. A scale per row, not
 * one for all, since a few tokens of a Llama have values a thousand times as large as the others'.
 */
function quantisedRows(q: Graph, x: Value, width: number): LinearInput {
  const largest = q.op('ReduceMax', [q.op('Abs', [x]), q.ints([-1])], { keepdims: 1 });
  // A row of zeros must not divide by zero.
  const scales = q.op('Mul', [q.op('Max', [largest, q.floats([1e-30], [])]), q.floats([1 / 127], [])]);
  const perRow = reshape(q, scales, [-1]);
  const zeroPoints = q.op('Expand', [q.uint8s([ZERO_POINT]), q.op('Shape', [perRow])]);
  const levels = q.op('QuantizeLinear', [reshape(q, x, [-1, width]), perRow, zeroPoints], { axis: 0 });
  return { precision: 'int8', levels: q.op('Reshape', [levels, q.op('Shape', [x])]), scales };
}
