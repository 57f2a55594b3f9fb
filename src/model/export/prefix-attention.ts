import type { Graph, Value } from '../onnx/graph.js';
import type { GraphProto } from '../onnx/onnx-proto.js';
import { elementType, type Precision } from '../precision.js';
import { type AttentionInputs, attendTo, type KeyBlock } from './attention.js';

/** Queries and what tells their heads from those of the keys. */
type Queries = Omit<AttentionInputs, 'key' | 'value'>;

/** With fewer new tokens, going through them in parts gains nothing. */
const FEWEST_TOKENS = 64;

/** Queries of a prefix run go in so many parts: twice as many would compute 6 % less of the scores, with slower products. */
export const QUERY_PARTS = 4;

/** How a run on the CPU tells whether its new tokens extend the prefix. */
export interface PrefixRun {
  /** bool []: no new token sees a later one. */
  condition: Value;
  /** [rows, 1, new, cached + new], 0 where visible. */
  bias: Value;
}

/**
 * Whether the new tokens extend the prefix, as all of them do in a run before the questions' own.
 * @param segments int64 [rows, new], 0 for the prefix
 * @param cached keys of any layer
 * @param biases over the cached keys, [rows, 1, new, cached], if not all are visible, and over the new ones, [rows, 1, new, new]
 */
export function prefixRun(
  g: Graph,
  segments: Value,
  cached: Value,
  { prefixBias, bias }: { prefixBias?: Value | undefined; bias: Value },
): PrefixRun {
  const p = g.scope('prefix run');
  const isPrefix = p.op('Equal', [p.op('ReduceMax', [p.op('Abs', [segments])], { keepdims: 0 }), p.ints([0], [])]);
  const tokens = p.op('Gather', [p.op('Shape', [segments]), p.ints([1], [])]);
  const condition = p.op('And', [isPrefix, p.op('GreaterOrEqual', [tokens, p.ints([FEWEST_TOKENS], [])])]);
  if (prefixBias !== undefined) return { condition, bias: p.op('Concat', [prefixBias, bias], { axis: 3 }) };
  const cachedCount = p.op('Shape', [cached], { start: 2, end: 3 });
  const pads = p.op('Concat', [p.ints([0, 0, 0]), cachedCount, p.ints([0, 0, 0, 0])], { axis: 0 });
  return { condition, bias: p.op('Pad', [bias, pads]) };
}

/**
 * Attention to cached and new keys: [rows, new, hidden]. While the prefix is computed it goes in parts (`attendInParts`);
 * otherwise `attendTo` copies no cached key.
 */
export function attendToCached(
  g: Graph,
  queries: Queries,
  blocks: readonly [cached: KeyBlock, added: KeyBlock],
  run: PrefixRun,
  precision: Precision,
): Value {
  const branch = (attend: (b: Graph) => Value): { graph: GraphProto } => {
    const b = g.body('attention');
    b.output('attended', attend(b), elementType(precision), ['rows', 'new', queries.heads * queries.headSize]);
    return { graph: b.toProto() };
  };
  return g.op('If', [run.condition], {
    then_branch: branch((b) => attendInParts(b, queries, blocks, run.bias)),
    else_branch: branch((b) => attendTo(b, queries, blocks)),
  });
}

/**
 * Attention of new tokens of which none sees a later one. A fused operator goes through the queries in parts, each with the
 * keys up to the part's last query: that computes 5/8 of the scores where nothing is cached, and holds those of one part at a
 * time.
 */
function attendInParts(g: Graph, queries: Queries, blocks: readonly KeyBlock[], bias: Value): Value {
  const joined = (part: 'key' | 'value'): Value =>
    repeatHeads(
      g,
      g.op(
        'Concat',
        blocks.map(({ keys }) => keys[part]),
        { axis: 2 },
      ),
      queries,
    );
  const keys = joined('key');
  const values = joined('value');
  const tokens = g.op('Shape', [queries.query], { start: 1, end: 2 });
  const even = g.op('Div', [tokens, g.ints([QUERY_PARTS])]);
  const last = g.op('Sub', [tokens, g.op('Mul', [even, g.ints([QUERY_PARTS - 1])])]);
  const lengths = Array.from({ length: QUERY_PARTS }, (_, part) => (part < QUERY_PARTS - 1 ? even : last));
  const split = (x: Value, axis: number): Value[] =>
    g.ops('Split', [x, g.op('Concat', lengths, { axis: 0 })], { axis }, QUERY_PARTS);
  const biases = split(bias, 2);
  let end = g.op('Shape', [blocks[0]!.keys.key], { start: 2, end: 3 });
  const parts = split(queries.query, 1).map((query, part) => {
    end = g.op('Add', [end, lengths[part]!]);
    const visible = (x: Value, axis: number): Value => g.op('Slice', [x, g.ints([0]), end, g.ints([axis])]);
    const inputs = [query, visible(keys, 2), visible(values, 2), '', '', visible(biases[part]!, 3)];
    return g.op('MultiHeadAttention', inputs, { num_heads: queries.heads });
  });
  return g.op('Concat', parts, { axis: 1 });
}

/** [rows, key-value heads, tokens, head size] -> [rows, heads, tokens, head size] */
function repeatHeads(g: Graph, x: Value, { heads, keyValueHeads, headSize }: Queries): Value {
  if (heads === keyValueHeads) return x;
  const single = g.op('Unsqueeze', [x, g.ints([2])]);
  const repeated = g.op('Concat', new Array<Value>(heads / keyValueHeads).fill(single), { axis: 2 });
  return g.op('Reshape', [repeated, g.ints([0, heads, -1, headSize])]);
}
