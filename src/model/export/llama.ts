import type { LanguageModel } from '../architecture.js';
import { decoderPositions } from '../context-length.js';
import type { Graph, Value } from '../onnx/graph.js';
import type { Precision } from '../precision.js';
import { cachedAttention, type KeyValueCache } from './attention.js';
import { decoderLinear, type LinearInput, linearInput } from './decoder-linear.js';
import { silu, toPrecision } from './layers.js';

/**
 * The Llama decoder with its final norm, evaluated at the positions in `lastIndex`.
 * @param input.x [rows, new, hidden] embeddings
 * @param input.bias [rows, 1, new, past + new], added to the attention scores
 * @param input.lastIndex [rows, questions, 1]: the tokens whose output is needed; the last layer computes queries, output
 *   projection and MLP only for these
 * @returns hidden [rows, questions, hidden] after the final norm, and every layer's cache including the new tokens
 */
export function decoderLayers(
  g: Graph,
  model: LanguageModel,
  precision: Precision,
  input: { x: Value; positions: Value; bias: Value; lastIndex: Value; past: readonly KeyValueCache[] },
): { hidden: Value; present: KeyValueCache[] } {
  const { heads, layers, hiddenSize, intermediateSize, rmsNormEps } = model;
  const eps = { float: rmsNormEps };
  const rotary = rotaryTables(model);
  const cos = toPrecision(g, g.floats(rotary.cos, rotary.shape), precision);
  const sin = toPrecision(g, g.floats(rotary.sin, rotary.shape), precision);
  const present: KeyValueCache[] = [];
  let x = input.x;
  let normed = g.op('SimplifiedLayerNormalization', [x, g.weight('model.layers.0.input_layernorm.weight')], {
    axis: -1,
    epsilon: eps,
    stash_type: 1,
  });

  for (let layer = 0; layer < layers; layer++) {
    const name = `model.layers.${layer}`;
    const l = g.scope(`layers.${layer}`);
    const inputOf = (x: Value, width = hiddenSize): LinearInput => linearInput(l, x, width, precision);
    const project = (from: LinearInput, part: string, outputs = hiddenSize): Value =>
      decoderLinear(l, from, `${name}.${part}.weight`, outputs);
    const rotate = (from: Value, at: Value): Value =>
      l.op('RotaryEmbedding', [from, at, cos, sin], { num_heads: heads });

    let attentionInput = inputOf(normed);
    const key = rotate(project(attentionInput, 'self_attn.k_proj'), input.positions);
    const value = project(attentionInput, 'self_attn.v_proj');
    let positions = input.positions;
    let bias = input.bias;
    if (layer === layers - 1) {
      const atLast = (from: Value): Value => l.op('GatherND', [from, input.lastIndex], { batch_dims: 1 });
      attentionInput = inputOf(atLast(normed));
      x = atLast(x);
      positions = atLast(positions);
      bias = l.op('Unsqueeze', [atLast(l.op('Squeeze', [bias, l.ints([1])])), l.ints([1])]);
    }
    const query = rotate(project(attentionInput, 'self_attn.q_proj'), positions);
    const inputs = { query, key, value, heads, headSize: hiddenSize / heads };
    const attention = cachedAttention(l, inputs, bias, input.past[layer]!);
    present.push(attention.present);

    const attended = project(inputOf(attention.output), 'self_attn.o_proj');
    [normed, x] = addAndNorm(l, attended, x, `${name}.post_attention_layernorm.weight`, eps);
    const mlpInput = inputOf(normed);
    const gate = silu(l, project(mlpInput, 'mlp.gate_proj', intermediateSize));
    const gated = l.op('Mul', [gate, project(mlpInput, 'mlp.up_proj', intermediateSize)]);
    const mlp = project(inputOf(gated, intermediateSize), 'mlp.down_proj');
    const nextNorm = layer === layers - 1 ? 'model.norm.weight' : `model.layers.${layer + 1}.input_layernorm.weight`;
    [normed, x] = addAndNorm(l, mlp, x, nextNorm, eps);
  }
  return { hidden: normed, present };

  /** [RMSNorm(a + b), a + b] */
  function addAndNorm(l: Graph, a: Value, b: Value, weight: string, epsilon: { float: number }): [Value, Value] {
    const outputs = l.ops('SkipSimplifiedLayerNormalization', [a, b, l.weight(weight)], { epsilon }, 4);
    return [outputs[0]!, outputs[3]!];
  }
}

/**
 * Cosines and sines of the rotary embedding, float32 [positions, head size / 2]. Angles are computed in float32 as in
 * transformers' LlamaRotaryEmbedding; linear rope_scaling divides the positions.
 */
function rotaryTables(model: LanguageModel): { cos: Float32Array; sin: Float32Array; shape: [number, number] } {
  const half = model.hiddenSize / model.heads / 2;
  const positions = decoderPositions(model);
  const cos = new Float32Array(positions * half);
  const sin = new Float32Array(positions * half);
  for (let i = 0; i < half; i++) {
    const frequency = Math.fround(1 / Math.fround(model.ropeTheta ** (i / half)));
    for (let position = 0; position < positions; position++) {
      const angle = Math.fround(Math.fround(position / model.ropeScale) * frequency);
      cos[position * half + i] = Math.cos(angle);
      sin[position * half + i] = Math.sin(angle);
    }
  }
  return { cos, sin, shape: [positions, half] };
}
