import type { ClipTower } from '../architecture.js';
import type { Graph, Value } from '../onnx/graph.js';
import type { Precision } from '../precision.js';
import { fullAttention } from './attention.js';
import { layerNorm, linear, linearGelu, quickGelu, reshape, toPrecision } from './layers.js';

/**
 * Patch embeddings plus positions: [n, 3, size, size] -> [n * tokens, hidden].
 * @param positions position embeddings for this size, [tokens, hidden]; with a class token, its row comes first
 * @param withClassToken LLaVA-1.5 keeps the class token through the layers; LLaVA-HR drops it before `pre_layrnorm`
 */
export function clipEmbeddings(
  g: Graph,
  clip: ClipTower,
  prefix: string,
  pixels: Value,
  positions: { rows: Float32Array; count: number },
  withClassToken: boolean,
  precision: Precision,
): Value {
  const e = g.scope('embeddings');
  const { patchSize, hiddenSize } = clip;
  const patches = e.op('Conv', [pixels, e.weight(`${prefix}.embeddings.patch_embedding.weight`)], {
    kernel_shape: [patchSize, patchSize],
    strides: [patchSize, patchSize],
  });
  const grid = withClassToken ? positions.count - 1 : positions.count;
  let tokens = e.op('Transpose', [reshape(e, patches, [0, hiddenSize, grid])], { perm: [0, 2, 1] });
  if (withClassToken) {
    const images = e.op('Shape', [pixels], { start: 0, end: 1 });
    const shape = e.op('Concat', [images, e.ints([1, hiddenSize])], { axis: 0 });
    const classToken = e.op('Expand', [e.weight(`${prefix}.embeddings.class_embedding`), shape]);
    tokens = e.op('Concat', [classToken, tokens], { axis: 1 });
  }
  const table = toPrecision(e, e.floats(positions.rows, [positions.count, hiddenSize]), precision);
  return reshape(e, e.op('Add', [tokens, table]), [-1, hiddenSize]);
}

/** One pre-norm CLIP layer on [n * tokens, hidden]. */
export function clipLayer(g: Graph, clip: ClipTower, name: string, x: Value, tokens: number): Value {
  const { hiddenSize, heads, layerNormEps } = clip;
  const a = g.scope('self_attn');
  const normed = layerNorm(a, x, `${name}.layer_norm1`, layerNormEps);
  const project = (part: string): Value =>
    reshape(a, linear(a, normed, `${name}.self_attn.${part}`), [-1, tokens, hiddenSize]);
  const attended = fullAttention(a, {
    query: project('q_proj'),
    key: project('k_proj'),
    value: project('v_proj'),
    heads,
    keyValueHeads: heads,
    headSize: hiddenSize / heads,
  });
  const afterAttention = a.op('Add', [
    x,
    linear(a, reshape(a, attended, [-1, hiddenSize]), `${name}.self_attn.out_proj`),
  ]);

  const m = g.scope('mlp');
  const mlpInput = layerNorm(m, afterAttention, `${name}.layer_norm2`, layerNormEps);
  const activated =
    clip.activation === 'gelu'
      ? linearGelu(m, mlpInput, `${name}.mlp.fc1`)
      : quickGelu(m, linear(m, mlpInput, `${name}.mlp.fc1`));
  return m.op('Add', [afterAttention, linear(m, activated, `${name}.mlp.fc2`)]);
}
