import type { Graph, Value } from '../onnx/graph.js';

/** Keys and values of one layer, each [rows, key-value heads, tokens, head size]. */
export interface KeyValueCache {
  key: Value;
  value: Value;
}

/** Queries [rows, tokens, heads * head size], keys and values [rows, new keys, key-value heads * head size]. */
export interface AttentionInputs {
  query: Value;
  key: Value;
  value: Value;
  /** Heads of the queries. */
  heads: number;
  /** Heads of keys and values; each serves equally many heads of queries, one after the other. */
  keyValueHeads: number;
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
 * @param bias [1, 1, tokens, tokens], 0 where visible; for the portable operators, and if not all earlier tokens are visible
 */
export function causalAttention(
  g: Graph,
  inputs: AttentionInputs,
  bias: () => Value,
  { seesAll }: { seesAll: boolean },
): Value {
  if (seesAll && !g.portable) {
    const { query, heads } = inputs;
    const key = repeatHeads(g, inputs.key, inputs);
    const value = repeatHeads(g, inputs.value, inputs);
    return g.op('MultiHeadAttention', [query, key, value], { num_heads: heads, unidirectional: 1 });
  }
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
  { query, heads, keyValueHeads, headSize }: Omit<AttentionInputs, 'key' | 'value'>,
  blocks: readonly KeyBlock[],
): Value {
  const group = heads / keyValueHeads;
  const scale = g.op('CastLike', [g.floats([1 / Math.sqrt(headSize)], []), query]);
  const split = splitHeads(g, g.op('Mul', [query, scale]), heads, headSize);
  // Heads that share keys are put one below the other: [rows, key-value heads, group * tokens, head size].
  const queryHeads = group === 1 ? split : g.op('Reshape', [split, g.ints([0, keyValueHeads, -1, headSize])]);
  const scores = blocks.map(({ keys, bias }) => {
    const products = timesKeys(g, queryHeads, keys.key);
    return bias === undefined ? products : g.op('Add', [products, forGroup(g, bias, group)]);
  });
  const joined = scores.length === 1 ? scores[0]! : g.op('Concat', scores, { axis: -1 });
  const weights = splitLast(g, g.op('Softmax', [joined], { axis: -1 }), scores);
  const sums = blocks.map(({ keys }, i) => g.op('MatMul', [weights[i]!, keys.value]));
  const grouped = sums.reduce((a, b) => g.op('Add', [a, b]));
  const sum = group === 1 ? grouped : g.op('Reshape', [grouped, g.ints([0, heads, -1, headSize])]);
  return g.op('Reshape', [g.op('Transpose', [sum], { perm: [0, 2, 1, 3] }), g.ints([0, 0, heads * headSize])]);
}

/** The bias of as many heads as share keys, one below the other: [rows, 1, group * tokens, keys]; once per graph. */
function forGroup(g: Graph, bias: Value, group: number): Value {
  if (group === 1) return bias;
  return g.once(`${bias} of ${group} heads`, () => g.op('Concat', new Array<Value>(group).fill(bias), { axis: 2 }));
}

/** Keys or values with the heads of the queries: [rows, tokens, key-value heads * head size] -> [rows, tokens, hidden]. */
function repeatHeads(
  g: Graph,
  x: Value,
  { heads, keyValueHeads, headSize }: Pick<AttentionInputs, 'heads' | 'keyValueHeads' | 'headSize'>,
): Value {
  if (heads === keyValueHeads) return x;
  const single = g.op('Reshape', [x, g.ints([0, 0, keyValueHeads, 1, headSize])]);
  const repeated = g.op('Concat', new Array<Value>(heads / keyValueHeads).fill(single), { axis: 3 });
  return g.op('Reshape', [repeated, g.ints([0, 0, heads * headSize])]);
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

/** Keys and values [rows, tokens, key-value heads * head size] by head. */
export function splitKeyValue(
  g: Graph,
  { key, value, keyValueHeads: heads, headSize }: Omit<AttentionInputs, 'query' | 'heads'>,
): KeyValueCache {
  return { key: splitHeads(g, key, heads, headSize), value: splitHeads(g, value, heads, headSize) };
}

/** [rows, tokens, heads * head size] -> [rows, heads, tokens, head size] */
function splitHeads(g: Graph, x: Value, heads: number, headSize: number): Value {
  return g.op('Transpose', [g.op('Reshape', [x, g.ints([0, 0, heads, headSize])])], { perm: [0, 2, 1, 3] });
}
