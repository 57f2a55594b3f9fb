import { keyValueHeadsOf, type LanguageModel } from '../architecture.js';
import { decoderPositions } from '../context-length.js';
import type { Graph, Value } from '../onnx/graph.js';
import type { Precision } from '../precision.js';
import type { AttentionInputs } from './attention.js';
import { decoderLinear } from './decoder-linear.js';
import { silu, toPrecision } from './layers.js';

/** New keys and values of a layer, and queries for them: as `AttentionInputs`. */
type NewKeys = Omit<AttentionInputs, 'query'>;

/** What a layer attends to. */
export interface LayerAttention {
  /** Takes a layer's new keys and values. */
  keep(l: Graph, layer: number, keys: NewKeys): void;
  /** Attention of the queries, whose keys were kept before: [rows, queries, hidden]. */
  attend(l: Graph, layer: number, inputs: AttentionInputs): Value;
}

/**
 * The Llama decoder with its final norm, evaluated at the positions in `lastIndex`.
 * @param input.x [rows, new, hidden] embeddings
 * @param input.positions [rows, new]
 * @param input.lastIndex [rows, questions, 1]: the tokens whose output is needed; the last layer computes queries, output
 *   projection and MLP only for these. Without it, the last layer computes only keys and values.
 * @returns [rows, questions, hidden] after the final norm; null without `lastIndex`
 */
export function decoderLayers(
  g: Graph,
  model: LanguageModel,
  precision: Precision,
  input: { x: Value; positions: Value; lastIndex: Value | null; attention: LayerAttention },
): Value | null {
  const { heads, layers, hiddenSize, intermediateSize, rmsNormEps } = model;
  const keyValueHeads = keyValueHeadsOf(model);
  const headSize = hiddenSize / heads;
  const eps = { float: rmsNormEps };
  const { cos, sin } = rotaryTables(g, model, precision);
  let x = input.x;
  let normed = g.op('SimplifiedLayerNormalization', [x, g.weight('model.layers.0.input_layernorm.weight')], {
    axis: -1,
    epsilon: eps,
    stash_type: 1,
  });

  for (let layer = 0; layer < layers; layer++) {
    const name = `model.layers.${layer}`;
    const l = g.scope(`layers.${layer}`);
    const project = (from: Value, part: string, { width = hiddenSize, outputs = hiddenSize } = {}): Value =>
      decoderLinear(l, from, `${name}.${part}.weight`, { width, outputs, precision });
    const rotate = (from: Value, at: Value, ofHeads: number): Value =>
      l.op('RotaryEmbedding', [from, at, cos, sin], { num_heads: ofHeads });
    const keyValue = { outputs: keyValueHeads * headSize };

    let attentionInput = normed;
    const key = rotate(project(attentionInput, 'self_attn.k_proj', keyValue), input.positions, keyValueHeads);
    const value = project(attentionInput, 'self_attn.v_proj', keyValue);
    const keys = { key, value, heads, keyValueHeads, headSize };
    input.attention.keep(l, layer, keys);
    let positions = input.positions;
    if (layer === layers - 1) {
      if (input.lastIndex === null) return null;
      const lastIndex = input.lastIndex;
      const atLast = (from: Value): Value => l.op('GatherND', [from, lastIndex], { batch_dims: 1 });
      attentionInput = atLast(normed);
      x = atLast(x);
      positions = atLast(positions);
    }
    const query = rotate(project(attentionInput, 'self_attn.q_proj'), positions, heads);
    const attention = input.attention.attend(l, layer, { query, ...keys });

    const attended = project(attention, 'self_attn.o_proj');
    [normed, x] = addAndNorm(l, attended, x, `${name}.post_attention_layernorm.weight`, eps);
    const gate = silu(l, project(normed, 'mlp.gate_proj', { outputs: intermediateSize }));
    const gated = l.op('Mul', [gate, project(normed, 'mlp.up_proj', { outputs: intermediateSize })]);
    const mlp = project(gated, 'mlp.down_proj', { width: intermediateSize });
    const nextNorm = layer === layers - 1 ? 'model.norm.weight' : `model.layers.${layer + 1}.input_layernorm.weight`;
    [normed, x] = addAndNorm(l, mlp, x, nextNorm, eps);
  }
  return normed;

  /** [RMSNorm(a + b), a + b] */
  function addAndNorm(l: Graph, a: Value, b: Value, weight: string, epsilon: { float: number }): [Value, Value] {
    const outputs = l.ops('SkipSimplifiedLayerNormalization', [a, b, l.weight(weight)], { epsilon }, 4);
    return [outputs[0]!, outputs[3]!];
  }
}

/** Cosines and sines of the rotary embedding, [positions, head size / 2]; once in a graph and its bodies. */
function rotaryTables(g: Graph, model: LanguageModel, precision: Precision): { cos: Value; sin: Value } {
  const table = (name: string, of: (angle: number) => number): Value =>
    g.once(name, () => {
      const { values, shape } = rotaryTable(model, of);
      return toPrecision(g, g.floats(values, shape), precision);
    });
  return { cos: table('rotary cos', Math.cos), sin: table('rotary sin', Math.sin) };
}

/**
 * A function of the rotary embedding's angles, float32 [positions, head size / 2]. Angles are computed in float32 as in
 * transformers' LlamaRotaryEmbedding; rope_scaling divides the positions ("linear") or changes frequencies ("llama3").
 */
function rotaryTable(
  model: LanguageModel,
  of: (angle: number) => number,
): { values: Float32Array; shape: [number, number] } {
  const half = model.hiddenSize / model.heads / 2;
  const positions = decoderPositions(model);
  const values = new Float32Array(positions * half);
  for (let i = 0; i < half; i++) {
    const frequency = ropeFrequency(model, Math.fround(1 / Math.fround(model.ropeTheta ** (i / half))));
    for (let position = 0; position < positions; position++) {
      const angle = Math.fround(Math.fround(position / model.ropeScale) * frequency);
      values[position * half + i] = of(angle);
    }
  }
  return { values, shape: [positions, half] };
}

/** Source: transformers modeling_rope_utils.py, _compute_llama3_parameters; in float32 as there. */
function ropeFrequency({ llama3Rope }: LanguageModel, frequency: number): number {
  if (llama3Rope === undefined) return frequency;
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalPositions } = llama3Rope;
  const wavelength = Math.fround((2 * Math.PI) / frequency);
  if (wavelength < originalPositions / high) return frequency;
  if (wavelength > originalPositions / low) return Math.fround(frequency / factor);
  const turns = Math.fround(originalPositions / wavelength);
  const smooth = Math.fround(Math.fround(turns - low) / (high - low));
  const scaled = Math.fround(Math.fround(Math.fround(1 - smooth) * frequency) / factor);
  return Math.fround(scaled + Math.fround(smooth * frequency));
}
