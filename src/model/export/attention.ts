import type { Graph, Value } from '../onnx/graph.js';

/** Keys and values of one layer, each [rows, heads, tokens, head size]. */
export interface KeyValueCache {
  key: Value;
  value: Value;
}

/** Queries [rows, tokens, hidden], keys and values [rows, new keys, hidden]. */
export interface AttentionInputs {
  query: Value;
  key: Value;
  value: Value;
  heads: number;
  headSize: number;
}

/** Full (unmasked) attention between all tokens: [rows, tokens, hidden]. */
export function fullAttention(g: Graph, inputs: AttentionInputs): Value {
  const { query, key, value, heads } = inputs;
  if (!g.portable) return g.op('MultiHeadAttention', [query, key, value], { num_heads: heads });
  return weightedSum(g, inputs, splitHeads(g, inputs, key), splitHeads(g, inputs, value), null);
}

/**
 * Attention over cached and new keys; the bias masks what a token must not see.
 * @param bias [rows, 1, tokens, past + new keys], added to the attention scores
 * @returns output [rows, tokens, hidden], and the cache with the new keys and values
 */
export function cachedAttention(
  g: Graph,
  inputs: AttentionInputs,
  bias: Value,
  past: KeyValueCache,
): { output: Value; present: KeyValueCache } {
  const { query, key, value, heads } = inputs;
  if (!g.portable) {
    const operands = [query, key, value, '', '', bias, past.key, past.value];
    const [output, presentKey, presentValue] = g.ops('MultiHeadAttention', operands, { num_heads: heads }, 3);
    return { output: output!, present: { key: presentKey!, value: presentValue! } };
  }
  const extend = (before: Value, added: Value): Value =>
    g.op('Concat', [before, splitHeads(g, inputs, added)], { axis: 2 });
  const present = { key: extend(past.key, key), value: extend(past.value, value) };
  return { output: weightedSum(g, inputs, present.key, present.value, bias), present };
}

/** softmax(query key^T / sqrt(head size) + bias) value in standard ONNX operators; keys and values are already split into heads. */
function weightedSum(g: Graph, inputs: AttentionInputs, key: Value, value: Value, bias: Value | null): Value {
  const { heads, headSize } = inputs;
  const queryHeads = splitHeads(g, inputs, inputs.query);
  const products = g.op('MatMul', [queryHeads, g.op('Transpose', [key], { perm: [0, 1, 3, 2] })]);
  const scale = g.op('CastLike', [g.floats([1 / Math.sqrt(headSize)], []), products]);
  const scores = g.op('Mul', [products, scale]);
  const weights = g.op('Softmax', [bias === null ? scores : g.op('Add', [scores, bias])], { axis: -1 });
  const merged = g.op('Transpose', [g.op('MatMul', [weights, value])], { perm: [0, 2, 1, 3] });
  return g.op('Reshape', [merged, g.ints([0, 0, heads * headSize])]);
}

/** [rows, tokens, hidden] -> [rows, heads, tokens, head size] */
function splitHeads(g: Graph, { heads, headSize }: AttentionInputs, x: Value): Value {
  return g.op('Transpose', [g.op('Reshape', [x, g.ints([0, 0, heads, headSize])])], { perm: [0, 2, 1, 3] });
}
