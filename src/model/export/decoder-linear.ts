import type { Graph, Value } from '../onnx/graph.js';
import type { Precision } from '../precision.js';
import { int8Product, type QuantisedRows, quantiseRows } from './int8-linear.js';
import { product } from './layers.js';
import { INT4_BLOCK } from './quantise-weight.js';
import { quantisedName, scalesName } from './stored-tensors.js';

/** The input that several linear layers share: the values, or in int8 the quantised values and one scale per row. */
export type LinearInput =
  | { precision: 'fp32' | 'fp16' | 'int4'; x: Value; width: number }
  | { precision: 'int8'; rows: QuantisedRows };

/** Prepares [rows, tokens, width] for `decoderLinear`. In int8, activations become uint8: MatMulInteger is fast only for those. */
export function linearInput(g: Graph, x: Value, width: number, precision: Precision): LinearInput {
  return precision === 'int8' ? { precision, rows: quantiseRows(g, x, width) } : { precision, x, width };
}

/**
 * A linear layer of the decoder (no bias): [rows, tokens, in] -> [rows, tokens, outputs].
 * @param weight name of the checkpoint's tensor, [outputs, in]; `storedTensors` describes its quantised forms
 */
export function decoderLinear(g: Graph, input: LinearInput, weight: string, outputs: number): Value {
  if (input.precision === 'int8') return int8Product(g, input.rows, weight);
  if (input.precision === 'int4') return int4Product(g, input.x, input.width, weight, outputs);
  return product(g, input.x, g.weight(weight));
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
