import type { Graph, Value } from '../onnx/graph.js';
import type { Precision } from '../precision.js';
import { int8Product, quantiseRows } from './int8-linear.js';
import { product } from './layers.js';
import { INT4_BLOCK } from './quantise-weight.js';
import { quantisedName, scalesName } from './stored-tensors.js';

/**
 * A linear layer of the decoder (no bias): [rows, tokens, width] -> [rows, tokens, outputs]. In int8, layers with the same
 * input share its quantised values (`quantiseRows`).
 * @param weight name of the checkpoint's tensor, [outputs, width]; `storedTensors` describes its quantised forms
 */
export function decoderLinear(
  g: Graph,
  x: Value,
  weight: string,
  { width, outputs, precision }: { width: number; outputs: number; precision: Precision },
): Value {
  if (precision === 'int8') return int8Product(g, quantiseRows(g, x, width), weight);
  if (precision === 'int4') return int4Product(g, x, width, weight, outputs);
  return product(g, x, g.weight(weight));
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
