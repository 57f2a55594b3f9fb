import type { Graph, Value } from '../onnx/graph.js';
import { type Precision, ZERO_POINT } from '../precision.js';
import { product, reshape } from './layers.js';
import { INT4_BLOCK } from './quantise-weight.js';
import { quantisedName, scalesName } from './stored-tensors.js';

/** The input that several linear layers share: the values, or in int8 the quantised values and one scale per row. */
export type LinearInput =
  | { precision: 'fp32' | 'fp16' | 'int4'; x: Value; width: number }
  | { precision: 'int8'; quantised: Value; scales: Value };

/** Prepares [rows, tokens, width] for `decoderLinear`. In int8, activations become uint8: MatMulInteger is fast only for those. */
export function linearInput(g: Graph, x: Value, width: number, precision: Precision): LinearInput {
  return precision === 'int8' ? quantiseRows(g.scope('quantise'), x, width) : { precision, x, width };
}

/**
 * A linear layer of the decoder (no bias): [rows, tokens, in] -> [rows, tokens, outputs].
 * @param weight name of the checkpoint's tensor, [outputs, in]; `storedTensors` describes its quantised forms
 */
export function decoderLinear(g: Graph, input: LinearInput, weight: string, outputs: number): Value {
  if (input.precision === 'int8') return int8Product(g, input.quantised, input.scales, weight);
  if (input.precision === 'int4') return int4Product(g, input.x, input.width, weight, outputs);
  return product(g, input.x, g.weight(weight));
}

function int8Product(g: Graph, quantised: Value, rowScales: Value, weight: string): Value {
  const one = g.floats([1], []);
  const zero = g.uint8s([ZERO_POINT], []);
  const name = quantisedName(weight);
  const operands = [quantised, g.weight(name), one, g.weight(scalesName(weight)), zero];
  if (g.weightType(name) === 'uint8') operands.push(zero);
  return g.op('Mul', [g.op('MatMulIntegerToFloat', operands), rowScales]);
}

/** Accuracy level 4 allows the operator to round activations to int8 per block; float32 activations are four times slower. */
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
 * Quantises every row to uint8, ties to even: x[r, t, i] = (quantised[r, t, i] - ZERO_POINT) * scales[r, t, 0]. Each row has
 * its own scale because a few tokens in Llama models have activations a thousand times larger than the rest.
 */
function quantiseRows(q: Graph, x: Value, width: number): LinearInput {
  const largest = q.op('ReduceMax', [q.op('Abs', [x]), q.ints([-1])], { keepdims: 1 });
  // Keeps an all-zero row from dividing by zero.
  const scales = q.op('Mul', [q.op('Max', [largest, q.floats([1e-30], [])]), q.floats([1 / 127], [])]);
  const perRow = reshape(q, scales, [-1]);
  const zeroPoints = q.op('Expand', [q.uint8s([ZERO_POINT]), q.op('Shape', [perRow])]);
  const quantised = q.op('QuantizeLinear', [reshape(q, x, [-1, width]), perRow, zeroPoints], { axis: 0 });
  return { precision: 'int8', quantised: q.op('Reshape', [quantised, q.op('Shape', [x])]), scales };
}
