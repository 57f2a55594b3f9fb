import { endTokensOf, keyValueHeadsOf, type LanguageModel } from '../architecture.js';
import { createGraph, type Graph, type Value, type WeightLocations } from '../onnx/graph.js';
import type { GraphProto } from '../onnx/onnx-proto.js';
import { elementType, type Precision } from '../precision.js';
import {
  attendTo,
  causalAttention,
  type KeyBlock,
  type KeyValueCache,
  splitKeyValue,
  transposedKeys,
} from './attention.js';
import { cast, product, toFloat32, toPrecision } from './layers.js';
import { decoderLayers } from './llama.js';
import { attendToCached, prefixRun } from './prefix-attention.js';

/** Segment of padding, visible only to other padding. The shared prefix is segment 0, question q of a row segment q + 1. */
export const PADDING_SEGMENT = -1;

/** How a generation graph comes by the keys and values of the prompts' common prefix. */
export type PrefixSource =
  /** They are inputs, and those of the new tokens are outputs: a run's outputs are the next run's inputs. */
  | 'given'
  /** The graph computes them before the loop: they never leave the device. */
  | 'computed';

/** Names of the inputs and outputs that hold keys and values of a layer. */
export const CACHE_NAMES = {
  cachedKey: (layer: number) => `cached_key_${layer}`,
  cachedValue: (layer: number) => `cached_value_${layer}`,
  newKey: (layer: number) => `new_key_${layer}`,
  newValue: (layer: number) => `new_value_${layer}`,
} as const;

/**
 * Greedy generation of a whole batch.
 *
 * A row is one image. All rows begin with a prefix of the same length (system text, visual tokens), which every token of
 * the row sees; its keys and values are read where they are and never copied. Behind it come the new tokens: what the
 * row's questions share beyond the prefix, then the rest of every question's prompt as its own segment. The decoder is the
 * body of a Loop. Its first iteration takes the new tokens, the later ones a token per question; it carries the keys and
 * values of new tokens only.
 *
 *     input_ids          int64 [rows, length]      new tokens; -1 - k is visual token k of the batch
 *     positions          int64 [rows, length]      from the prefix's length up, restarting for every question
 *     segments           int64 [rows, length]      0 shared, q + 1 question q, PADDING_SEGMENT padding
 *     last_positions     int64 [rows, questions]   index in `input_ids` of each question's last prompt token
 *     question_segments  int64 [rows, questions]   q + 1, or PADDING_SEGMENT where the row has fewer questions
 *     visual_tokens      float32 [visual, hidden]
 *     max_new_tokens     int64 []
 *     min_steps          int64 []                  minimum number of steps, even after all answers have ended
 *       -> tokens        int64 [steps, rows, questions]   filled with the end-of-sequence id after an answer ends
 *       -> top_logits    float32 [steps, rows, questions] logit of the chosen token; NaN if any logit is not finite
 *       -> logits        float32 [steps, rows, questions, vocabulary], only with `options.logits`
 *
 * With a computed prefix:
 *
 *     prefix_ids         int64 [rows, prefix]      at least one token
 *
 * With a given one, for every layer i, in the graph's precision:
 *
 *     cached_key_i, cached_value_i   [rows, kv heads, cached, head size]   of the prefix, in order; none before the first run
 *       -> new_key_i, new_value_i    [rows, kv heads, new, head size]      of the new tokens
 *
 * A run with `max_new_tokens` 1 whose new tokens are a part of the prefix thus extends what is cached. On the CPU the
 * prefix goes through the loop's body like that, since weights used by two nodes are packed, and held, twice. On devices
 * whose outputs are copied to the host after each run (onnxruntime-node with CUDA), the graph computes the prefix.
 */
export function buildGenerateGraph(
  model: LanguageModel,
  weights: WeightLocations,
  precision: Precision,
  options: { portable: boolean; prefix: PrefixSource; logits: boolean },
): GraphProto {
  const g = createGraph('generate', weights, options.portable);
  const prefixIds = options.prefix === 'computed' ? g.input('prefix_ids', 'int64', ['rows', 'prefix']) : null;
  const ids = g.input('input_ids', 'int64', ['rows', 'length']);
  const positions = g.input('positions', 'int64', ['rows', 'length']);
  const segments = g.input('segments', 'int64', ['rows', 'length']);
  const last = g.input('last_positions', 'int64', ['rows', 'questions']);
  const questionSegments = g.input('question_segments', 'int64', ['rows', 'questions']);
  const visual = toPrecision(g, g.input('visual_tokens', 'float32', ['visual', model.hiddenSize]), precision);
  const maxNewTokens = g.input('max_new_tokens', 'int64', []);
  const minSteps = g.input('min_steps', 'int64', []);

  const rows = g.op('Shape', [ids], { start: 0, end: 1 });
  const questionCount = g.op('Gather', [g.op('Shape', [last]), g.ints([1], [])]);
  const slots = g.op('Expand', [
    g.op('Range', [g.ints([0], []), questionCount, g.ints([1], [])]),
    g.op('Shape', [last]),
  ]);
  const prefix =
    prefixIds === null
      ? cacheInputs(g, model, precision)
      : computePrefix(g.scope('prefix'), model, precision, visual, prefixIds);
  const context: DecodeContext = {
    model,
    precision,
    visual,
    prefix,
    prefixRuns: options.prefix === 'given' && !g.portable,
    questionSegments,
    minSteps,
    slots,
    logits: options.logits,
  };

  const emptyShape = g.op('Concat', [rows, g.ints([0])], { axis: 0 });
  const emptyInts = g.op('ConstantOfShape', [emptyShape], {});
  const headSize = model.hiddenSize / model.heads;
  const cacheShape = g.op('Concat', [rows, g.ints([keyValueHeadsOf(model), 0, headSize])], { axis: 0 });
  const emptyCache = toPrecision(g, g.op('ConstantOfShape', [cacheShape], {}), precision);
  const state = [
    ids,
    positions,
    segments,
    last,
    g.op('Equal', [questionSegments, g.ints([PADDING_SEGMENT], [])]),
    cast(g, emptyInts, 'int64'),
    cast(g, emptyInts, 'int64'),
  ];
  const carried = [...state, ...Array.from({ length: 2 * model.layers }, () => emptyCache)];
  const scans = options.logits ? 3 : 2;
  const results = g.ops(
    'Loop',
    [maxNewTokens, '', ...carried],
    { body: { graph: decodeStep(g, context) } },
    carried.length + scans,
  );
  const [tokens, topLogits, logits] = results.slice(carried.length);
  g.output('tokens', tokens!, 'int64', ['steps', 'rows', 'questions']);
  g.output('top_logits', topLogits!, 'float32', ['steps', 'rows', 'questions']);
  if (logits) g.output('logits', logits, 'float32', ['steps', 'rows', 'questions', model.vocabSize]);
  if (options.prefix === 'given') {
    const caches = results.slice(state.length, carried.length);
    const shape = ['rows', keyValueHeadsOf(model), 'new', headSize];
    for (let layer = 0; layer < model.layers; layer++) {
      g.output(CACHE_NAMES.newKey(layer), caches[2 * layer]!, elementType(precision), shape);
      g.output(CACHE_NAMES.newValue(layer), caches[2 * layer + 1]!, elementType(precision), shape);
    }
  }
  return g.toProto();
}

/** The prefix's keys and values as inputs of the graph. */
function cacheInputs(g: Graph, model: LanguageModel, precision: Precision): KeyValueCache[] {
  const shape = ['rows', keyValueHeadsOf(model), 'cached', model.hiddenSize / model.heads];
  return Array.from({ length: model.layers }, (_, layer) => ({
    key: g.input(CACHE_NAMES.cachedKey(layer), elementType(precision), shape),
    value: g.input(CACHE_NAMES.cachedValue(layer), elementType(precision), shape),
  }));
}

/** Runs the prefix through the decoder, every token seeing itself and those before it, and keeps keys and values. */
function computePrefix(
  g: Graph,
  model: LanguageModel,
  precision: Precision,
  visual: Value,
  ids: Value,
): KeyValueCache[] {
  const length = g.op('Gather', [g.op('Shape', [ids]), g.ints([1], [])]);
  const range = g.op('Range', [g.ints([0], []), length, g.ints([1], [])]);
  const causalBias = (): Value =>
    g.once('causal bias', () => {
      const key = g.op('Unsqueeze', [range, g.ints([0])]);
      const query = g.op('Unsqueeze', [range, g.ints([1])]);
      const visible = within(g, model, { key, query }, g.op('LessOrEqual', [key, query]));
      return g.op('Unsqueeze', [biasOf(g, visible, precision), g.ints([0, 1])]);
    });
  const seesAll = model.slidingWindow === undefined;
  const kept: KeyValueCache[] = [];
  decoderLayers(g, model, precision, {
    x: embed(g, visual, ids),
    positions: g.op('Expand', [range, g.op('Shape', [ids])]),
    lastIndex: null,
    attention: {
      keep(l, _layer, keys) {
        const cache = splitKeyValue(l, keys);
        kept.push(cache);
        if (g.portable) transposedKeys(l, cache.key); // here, so that the loop's body does not do it at every step
      },
      attend: (l, _layer, inputs) => causalAttention(l, inputs, causalBias, { seesAll }),
    },
  });
  return kept;
}

/** Values of the outer graph that the loop body uses. */
interface DecodeContext {
  model: LanguageModel;
  precision: Precision;
  visual: Value;
  /** Keys and values of the prefix, by layer. */
  prefix: readonly KeyValueCache[];
  /** Whether some runs extend the prefix. */
  prefixRuns: boolean;
  questionSegments: Value;
  minSteps: Value;
  /** [rows, questions], 0 .. questions - 1 in each row: index of each question's token from the second iteration on. */
  slots: Value;
  logits: boolean;
}

/**
 * One iteration: embed, decode, choose the next token of every question.
 *
 *     iteration, condition, ids, positions, segments, last, done, past positions, past segments, past keys and values
 *       -> condition, the same for the next iteration, chosen tokens, their logits
 *
 * The past ones are of new tokens, without the prefix.
 */
function decodeStep(outer: Graph, context: DecodeContext): GraphProto {
  const { model, precision } = context;
  const float = elementType(precision);
  const g = outer.body('step');
  const iteration = g.input('iteration', 'int64', []);
  g.input('condition', 'bool', []);
  const ids = g.input('ids', 'int64', ['rows', 'new']);
  const positions = g.input('new_positions', 'int64', ['rows', 'new']);
  const segments = g.input('new_segments', 'int64', ['rows', 'new']);
  const last = g.input('last', 'int64', ['rows', 'questions']);
  const done = g.input('done', 'bool', ['rows', 'questions']);
  const pastPositions = g.input('past_positions', 'int64', ['rows', 'past']);
  const pastSegments = g.input('past_segments', 'int64', ['rows', 'past']);
  const cacheShape = ['rows', keyValueHeadsOf(model), 'past', model.hiddenSize / model.heads];
  const past: KeyValueCache[] = Array.from({ length: model.layers }, (_, layer) => ({
    key: g.input(`past_key_${layer}`, float, cacheShape),
    value: g.input(`past_value_${layer}`, float, cacheShape),
  }));

  const keyPositions = g.op('Concat', [pastPositions, positions], { axis: 1 });
  const keySegments = g.op('Concat', [pastSegments, segments], { axis: 1 });
  const lastIndex = g.op('Unsqueeze', [last, g.ints([2])]);
  const bias = attentionBias(g, model, { positions, segments, keyPositions, keySegments }, precision);
  const prefixBias = model.slidingWindow === undefined ? undefined : windowBias(g, context, positions);
  const run = context.prefixRuns ? prefixRun(g, segments, context.prefix[0]!.key, { prefixBias, bias }) : null;
  const present: KeyValueCache[] = [];
  const hidden = decoderLayers(g, model, precision, {
    x: embed(g, context.visual, ids),
    positions,
    lastIndex,
    attention: {
      keep(l, layer, keys) {
        const { key, value } = splitKeyValue(l, keys);
        const extend = (before: Value, added: Value): Value => l.op('Concat', [before, added], { axis: 2 });
        present.push({ key: extend(past[layer]!.key, key), value: extend(past[layer]!.value, value) });
      },
      attend(l, layer, inputs) {
        const isLast = layer === model.layers - 1;
        const visible = (all: Value): Value => (isLast ? biasAt(l, all, lastIndex) : all);
        const blocks: [KeyBlock, KeyBlock] = [
          { keys: context.prefix[layer]!, ...(prefixBias && { bias: visible(prefixBias) }) },
          { keys: present[layer]!, bias: visible(bias) },
        ];
        return run === null || isLast ? attendTo(l, inputs, blocks) : attendToCached(l, inputs, blocks, run, precision);
      },
    },
  });
  if (hidden === null) throw new Error('the decoder gave no hidden states');

  const h = g.scope('head');
  const logits = toFloat32(h, product(h, hidden, h.weight('lm_head.weight')), precision);
  // A sum is finite when all its terms are; times 0 it leaves the logit as it is, or makes it no number.
  const flaw = h.op('Mul', [h.op('ReduceSum', [logits, h.ints([2])], { keepdims: 0 }), h.floats([0], [])]);
  const topLogit = h.op('Add', [h.op('ReduceMax', [logits, h.ints([2])], { keepdims: 0 }), flaw]);
  const greedy = h.op('ArgMax', [logits], { axis: 2, keepdims: 0 });
  const endOfSequence = h.ints([model.eosTokenId], []);
  const chosen = h.op('Where', [done, endOfSequence, greedy]);
  const isEnd = endTokensOf(model).map((id) => h.op('Equal', [chosen, h.ints([id], [])]));
  const nowDone = isEnd.reduce((before, one) => h.op('Or', [before, one]), done);
  const openCount = h.op('ReduceSum', [cast(h, h.op('Not', [nowDone]), 'int64')], { keepdims: 0 });
  const nextPositions = h.op('Add', [h.op('GatherElements', [positions, last], { axis: 1 }), h.ints([1], [])]);

  const isOpen = g.op('Greater', [openCount, g.ints([0], [])]);
  const belowMinSteps = g.op('Less', [g.op('Add', [iteration, g.ints([1], [])]), context.minSteps]);
  g.output('condition_out', g.op('Or', [isOpen, belowMinSteps]), 'bool', []);
  g.output('next_ids', chosen, 'int64', ['rows', 'questions']);
  g.output('next_positions', nextPositions, 'int64', ['rows', 'questions']);
  g.output('next_segments', context.questionSegments, 'int64', ['rows', 'questions']);
  g.output('next_last', context.slots, 'int64', ['rows', 'questions']);
  g.output('done_out', nowDone, 'bool', ['rows', 'questions']);
  g.output('key_positions', keyPositions, 'int64', ['rows', 'keys']);
  g.output('key_segments', keySegments, 'int64', ['rows', 'keys']);
  const presentShape = ['rows', keyValueHeadsOf(model), 'keys', model.hiddenSize / model.heads];
  present.forEach(({ key, value }, layer) => {
    g.output(`present_key_${layer}`, key, float, presentShape);
    g.output(`present_value_${layer}`, value, float, presentShape);
  });
  g.output('chosen', chosen, 'int64', ['rows', 'questions']);
  g.output('chosen_logit', topLogit, 'float32', ['rows', 'questions']);
  if (context.logits) g.output('step_logits', logits, 'float32', ['rows', 'questions', model.vocabSize]);
  return g.toProto();
}

/** Embeds token ids: [rows, new] -> [rows, new, hidden]; negative ids select visual tokens. */
function embed(g: Graph, visual: Value, ids: Value): Value {
  const e = g.scope('embed');
  const zero = e.ints([0], []);
  const words = e.op('Gather', [e.weight('model.embed_tokens.weight'), e.op('Max', [ids, zero])]);
  const visualIndex = e.op('Max', [e.op('Sub', [e.ints([-1], []), ids]), zero]);
  const isVisual = e.op('Unsqueeze', [e.op('Less', [ids, zero]), e.ints([2])]);
  return e.op('Where', [isVisual, e.op('Gather', [visual, visualIndex]), words]);
}

/**
 * Attention mask: a token sees keys at or before its position in the shared prefix and in its own question.
 * @returns [rows, 1, new, keys], 0 where visible, otherwise the lowest number of the precision
 */
function attentionBias(
  g: Graph,
  model: LanguageModel,
  of: { positions: Value; segments: Value; keyPositions: Value; keySegments: Value },
  precision: Precision,
): Value {
  const b = g.scope('bias');
  const asQuery = (x: Value): Value => b.op('Unsqueeze', [x, b.ints([1, 3])]);
  const asKey = (x: Value): Value => b.op('Unsqueeze', [x, b.ints([1, 2])]);
  const keySegments = asKey(of.keySegments);
  const [key, query] = [asKey(of.keyPositions), asQuery(of.positions)];
  const notAfter = within(b, model, { key, query }, b.op('LessOrEqual', [key, query]));
  const inPrefix = b.op('Equal', [keySegments, b.ints([0], [])]);
  const sameSegment = b.op('Equal', [keySegments, asQuery(of.segments)]);
  const visible = b.op('And', [notAfter, b.op('Or', [inPrefix, sameSegment])]);
  return biasOf(b, visible, precision);
}

/** Which keys of those that are visible without one are within the sliding window. @param at positions */
function within(g: Graph, { slidingWindow }: LanguageModel, at: { key: Value; query: Value }, visible: Value): Value {
  if (slidingWindow === undefined) return visible;
  const reach = g.op('Less', [g.op('Sub', [at.query, at.key]), g.ints([slidingWindow], [])]);
  return g.op('And', [visible, reach]);
}

/** The prefix's keys that are within the sliding window of queries at `positions`: [rows, 1, new, prefix], as a bias. */
function windowBias(g: Graph, { model, precision, prefix }: DecodeContext, positions: Value): Value {
  const w = g.scope('window');
  const length = w.op('Gather', [w.op('Shape', [prefix[0]!.key]), w.ints([2], [])]);
  const key = w.op('Range', [w.ints([0], []), length, w.ints([1], [])]);
  const query = w.op('Unsqueeze', [positions, w.ints([1, 3])]);
  return biasOf(w, within(w, model, { key, query }, w.op('Less', [key, length])), precision);
}

/** 0 where visible, otherwise the lowest number of the precision. */
function biasOf(g: Graph, visible: Value, precision: Precision): Value {
  const hidden = precision === 'fp16' ? -65504 : -3.4028234663852886e38;
  return toPrecision(g, g.op('Where', [visible, g.floats([0], []), g.floats([hidden], [])]), precision);
}

/** The bias of the queries at `lastIndex` [rows, questions, 1]: [rows, 1, questions, keys]. */
function biasAt(g: Graph, bias: Value, lastIndex: Value): Value {
  const byQuery = g.op('Squeeze', [bias, g.ints([1])]);
  return g.op('Unsqueeze', [g.op('GatherND', [byQuery, lastIndex], { batch_dims: 1 }), g.ints([1])]);
}
