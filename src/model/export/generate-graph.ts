import type { LanguageModel } from '../architecture.js';
import { createGraph, type Graph, type Value, type WeightLocations } from '../onnx/graph.js';
import type { GraphProto } from '../onnx/onnx-proto.js';
import { elementType, type Precision } from '../precision.js';
import type { KeyValueCache } from './attention.js';
import { cast, product, toFloat32, toPrecision } from './layers.js';
import { decoderLayers } from './llama.js';

/** Segment of padding, visible only to other padding. The shared prefix is segment 0, question q of a row segment q + 1. */
export const PADDING_SEGMENT = -1;

/**
 * Greedy generation for a whole batch in one session run, so that the KV cache never leaves the device
 * (onnxruntime-node copies every output of a CUDA session to the host).
 *
 * A row is one image: the shared prompt prefix once, then the rest of each question's prompt as its own segment. The
 * decoder is the body of a Loop. The first iteration (prefill) takes the packed prompts; later ones (decode) take one token
 * per question, so the shapes of the loop-carried values change.
 *
 *     input_ids          int64 [rows, length]      token ids; -1 - k is visual token k of the batch
 *     positions          int64 [rows, length]      restart after the prefix for every question
 *     segments           int64 [rows, length]      0 prefix, q + 1 question q, PADDING_SEGMENT padding
 *     last_positions     int64 [rows, questions]   index in the row of each question's last prompt token
 *     question_segments  int64 [rows, questions]   q + 1, or PADDING_SEGMENT where the row has fewer questions
 *     visual_tokens      float32 [visual, hidden]
 *     max_new_tokens     int64 []
 *     min_steps          int64 []                  minimum number of steps, even after all answers have ended
 *       -> tokens        int64 [steps, rows, questions]   filled with the end-of-sequence id after an answer ends
 *       -> top_logits    float32 [steps, rows, questions] logit of the chosen token
 *       -> logits        float32 [steps, rows, questions, vocabulary], only with `options.logits`
 */
export function buildGenerateGraph(
  model: LanguageModel,
  weights: WeightLocations,
  precision: Precision,
  options: { portable: boolean; logits: boolean },
): GraphProto {
  const g = createGraph('generate', weights, options.portable);
  const ids = g.input('input_ids', 'int64', ['rows', 'length']);
  const positions = g.input('positions', 'int64', ['rows', 'length']);
  const segments = g.input('segments', 'int64', ['rows', 'length']);
  const last = g.input('last_positions', 'int64', ['rows', 'questions']);
  const questionSegments = g.input('question_segments', 'int64', ['rows', 'questions']);
  const visual = g.input('visual_tokens', 'float32', ['visual', model.hiddenSize]);
  const maxNewTokens = g.input('max_new_tokens', 'int64', []);
  const minSteps = g.input('min_steps', 'int64', []);

  const rows = g.op('Shape', [ids], { start: 0, end: 1 });
  const questionCount = g.op('Gather', [g.op('Shape', [last]), g.ints([1], [])]);
  const slots = g.op('Expand', [
    g.op('Range', [g.ints([0], []), questionCount, g.ints([1], [])]),
    g.op('Shape', [last]),
  ]);
  const context: DecodeContext = {
    model,
    precision,
    visual: toPrecision(g, visual, precision),
    questionSegments,
    minSteps,
    slots,
    logits: options.logits,
  };

  const emptyShape = g.op('Concat', [rows, g.ints([0])], { axis: 0 });
  const emptyInts = g.op('ConstantOfShape', [emptyShape], {});
  const headSize = model.hiddenSize / model.heads;
  const cacheShape = g.op('Concat', [rows, g.ints([model.heads, 0, headSize])], { axis: 0 });
  const emptyCache = toPrecision(g, g.op('ConstantOfShape', [cacheShape], {}), precision);
  const carried = [
    ids,
    positions,
    segments,
    last,
    g.op('Equal', [questionSegments, g.ints([PADDING_SEGMENT], [])]),
    cast(g, emptyInts, 'int64'),
    cast(g, emptyInts, 'int64'),
    ...Array.from({ length: 2 * model.layers }, () => emptyCache),
  ];
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
  return g.toProto();
}

/** Values of the outer graph that the loop body uses. */
interface DecodeContext {
  model: LanguageModel;
  precision: Precision;
  visual: Value;
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
  const cacheShape = ['rows', model.heads, 'past', model.hiddenSize / model.heads];
  const past: KeyValueCache[] = Array.from({ length: model.layers }, (_, layer) => ({
    key: g.input(`past_key_${layer}`, float, cacheShape),
    value: g.input(`past_value_${layer}`, float, cacheShape),
  }));

  const keyPositions = g.op('Concat', [pastPositions, positions], { axis: 1 });
  const keySegments = g.op('Concat', [pastSegments, segments], { axis: 1 });
  const lastIndex = g.op('Unsqueeze', [last, g.ints([2])]);
  const { hidden, present } = decoderLayers(g, model, precision, {
    x: embed(g, context, ids),
    positions,
    bias: attentionBias(g, { positions, segments, keyPositions, keySegments }, precision),
    lastIndex,
    past,
  });

  const h = g.scope('head');
  const logits = toFloat32(h, product(h, hidden, h.weight('lm_head.weight')), precision);
  const topLogit = h.op('ReduceMax', [logits, h.ints([2])], { keepdims: 0 });
  const greedy = h.op('ArgMax', [logits], { axis: 2, keepdims: 0 });
  const endOfSequence = h.ints([model.eosTokenId], []);
  const chosen = h.op('Where', [done, endOfSequence, greedy]);
  const nowDone = h.op('Or', [done, h.op('Equal', [chosen, endOfSequence])]);
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
  const presentShape = ['rows', model.heads, 'keys', model.hiddenSize / model.heads];
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
function embed(g: Graph, { visual }: DecodeContext, ids: Value): Value {
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
  of: { positions: Value; segments: Value; keyPositions: Value; keySegments: Value },
  precision: Precision,
): Value {
  const b = g.scope('bias');
  const asQuery = (x: Value): Value => b.op('Unsqueeze', [x, b.ints([1, 3])]);
  const asKey = (x: Value): Value => b.op('Unsqueeze', [x, b.ints([1, 2])]);
  const keySegments = asKey(of.keySegments);
  const notAfter = b.op('LessOrEqual', [asKey(of.keyPositions), asQuery(of.positions)]);
  const inPrefix = b.op('Equal', [keySegments, b.ints([0], [])]);
  const sameSegment = b.op('Equal', [keySegments, asQuery(of.segments)]);
  const visible = b.op('And', [notAfter, b.op('Or', [inPrefix, sameSegment])]);
  const hidden = precision === 'fp16' ? -65504 : -3.4028234663852886e38;
  const values = b.op('Where', [visible, b.floats([0], []), b.floats([hidden], [])]);
  return toPrecision(b, values, precision);
}
