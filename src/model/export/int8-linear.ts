import type { Graph, Value } from '../onnx/graph.js';
import { ZERO_POINT } from '../precision.js';
import { quantisedName, scalesName } from './stored-tensors.js';

/** uint8 values and one scale per row: x[..., i] = (values[..., i] - ZERO_POINT) * scales[..., 0]. */
export interface QuantisedRows {
  values: Value;
  scales: Value;
}

/**
 * Quantises every row of [..., width] to uint8, ties to even; once for all layers with the same input. Each row has its own
 * scale because a few tokens have activations many times larger than the rest, in Llama models a thousand times.
 */
export function quantiseRows(g: Graph, x: Value, width: number): QuantisedRows {
  const q = g.scope('quantise');
  const scales = g.once(`scales of ${x}`, () => {
    const of = (reduce: 'ReduceMax' | 'ReduceMin'): Value => q.op(reduce, [x, q.ints([-1])], { keepdims: 1 });
    // Reading x twice is faster than writing its absolute values.
    const largest = q.op('Max', [of('ReduceMax'), q.op('Neg', [of('ReduceMin')])]);
    // Keeps an all-zero row from dividing by zero.
    return q.op('Mul', [q.op('Max', [largest, q.floats([1e-30], [])]), q.floats([1 / 127], [])]);
  });
  const values = g.once(`quantised ${x}`, () => {
    const perRow = q.op('Reshape', [scales, q.ints([-1])]);
    const zeroPoints = q.op('Expand', [q.uint8s([ZERO_POINT]), q.op('Shape', [perRow])]);
    const rows = q.op('Reshape', [x, q.ints([-1, width])]);
    const quantised = q.op('QuantizeLinear', [rows, perRow, zeroPoints], { axis: 0 });
    return q.op('Reshape', [quantised, q.op('Shape', [x])]);
  });
  return { values, scales };
}

/**
 * Product with an int8 weight: [..., in] -> [..., out].
 * @param weight name of the checkpoint's tensor
 * @param outputScale a factor per output, [out]; folded into the weight's scales when the session is created
 */
export function int8Product(g: Graph, rows: QuantisedRows, weight: string, outputScale?: Value): Value {
  const one = g.floats([1], []);
  const zero = g.uint8s([ZERO_POINT], []);
  const name = quantisedName(weight);
  const stored = g.weight(scalesName(weight));
  const scales = outputScale === undefined ? stored : g.op('Mul', [stored, outputScale]);
  const operands = [rows.values, g.weight(name), one, scales, zero];
  if (g.weightType(name) === 'uint8') operands.push(zero);
  return g.op('Mul', [g.op('MatMulIntegerToFloat', operands), rows.scales]);
}

/** Whether the plan stores a weight in int8. */
export function isInt8(g: Graph, weight: string): boolean {
  return g.hasWeight(quantisedName(weight));
}
