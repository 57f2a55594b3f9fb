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
  return attendTo(g, inputs, [{ keys: splitKeyValue(g, inputs) }]);
}

/**
 * Attention of every token to itself and the ones before it: [rows, tokens, hidden]. Without a bias among its inputs,
 * MultiHeadAttention has fast kernels on CUDA.
 * @param bias [1, 1, tokens, tokens], 0 where visible; for the portable operators
 */
export function causalAttention(g: Graph, inputs: AttentionInputs, bias: () => Value): Value {
  const { query, key, value, heads } = inputs;
  if (!g.portable) return g.op('MultiHeadAttention', [query, key, value], { num_heads: heads, unidirectional: 1 });
  return attendTo(g, inputs, [{ keys: splitKeyValue(g, inputs), bias: bias() }]);
}

/** Keys that queries attend to, with what is added to their scores; all are visible without it. */
export interface KeyBlock {
  keys: KeyValueCache;
  /** [rows, 1, tokens, keys] */
  bias?: Value;
}

/**
 * One softmax over the keys of several blocks: [rows, tokens, hidden]. The blocks are read where they are; only their
 * scores are brought together.
 */
export function attendTo(
  g: Graph,
  { query, heads, headSize }: Pick<AttentionInputs, 'query' | 'heads' | 'headSize'>,
  blocks: readonly KeyBlock[],
): Value {
  const scale = g.op('CastLike', [g.floats([1 / Math.sqrt(headSize)], []), query]);
  const queryHeads = splitHeads(g, g.op('Mul', [query, scale]), heads, headSize);
  const scores = blocks.map(({ keys, bias }) => {
    const products = timesKeys(g, queryHeads, keys.key);
    return bias === undefined ? products : g.op('Add', [products, bias]);
  });
  const joined = scores.length === 1 ? scores[0]! : g.op('Concat', scores, { axis: -1 });
  const weights = splitLast(g, g.op('Softmax', [joined], { axis: -1 }), scores);
  const sums = blocks.map(({ keys }, i) => g.op('MatMul', [weights[i]!, keys.value]));
  const sum = sums.reduce((a, b) => g.op('Add', [a, b]));
  return g.op('Reshape', [g.op('Transpose', [sum], { perm: [0, 2, 1, 3] }), g.ints([0, 0, heads * headSize])]);
}

/** query times the transpose of the keys; the transposed keys are made once where they are not multiplied in place. */
function timesKeys(g: Graph, query: Value, key: Value): Value {
  if (!g.portable) return g.op('FusedMatMul', [query, key], { transB: 1 });
  return g.op('MatMul', [query, transposedKeys(g, key)]);
}

/** [rows, heads, tokens, head size] -> [rows, heads, head size, tokens], in the outermost graph that has asked for it. */
export function transposedKeys(g: Graph, key: Value): Value {
  return g.once(`transposed ${key}`, () => g.op('Transpose', [key], { perm: [0, 1, 3, 2] }));
}

/** Cuts the last axis of x into parts as long as that of each of `like`. */
function splitLast(g: Graph, x: Value, like: readonly Value[]): Value[] {
  if (like.length === 1) return [x];
  const lengths = like.map((part) => g.op('Shape', [part], { start: 3, end: 4 }));
  return g.ops('Split', [x, g.op('Concat', lengths, { axis: 0 })], { axis: -1 }, like.length);
}

/** Keys and values [rows, tokens, hidden] by head. */
export function splitKeyValue(
  g: Graph,
  { key, value, heads, headSize }: Pick<AttentionInputs, 'key' | 'value' | 'heads' | 'headSize'>,
): KeyValueCache {
  return { key: splitHeads(g, key, heads, headSize), value: splitHeads(g, value, heads, headSize) };
}

/** [rows, tokens, hidden] -> [rows, heads, tokens, head size] */
function splitHeads(g: Graph, x: Value, heads: number, headSize: number): Value {
  return g.op('Transpose', [g.op('Reshape', [x, g.ints([0, 0, heads, headSize])])], { perm: [0, 2, 1, 3] });
}
