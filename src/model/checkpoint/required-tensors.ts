import {
  type Architecture,
  type ClipTower,
  type ConvNextTower,
  keyValueHeadsOf,
  type LanguageModel,
} from '../architecture.js';

/** Prefix of the CLIP tower in the official state dict: LLaVA-HR's fast tower, the only one of the others. */
export function clipPrefix(family: Architecture['family']): string {
  const tower = family === 'llava-hr' ? 'fast_vision_tower.vision_tower' : 'vision_tower';
  return `model.vision_tower.${tower}.vision_model`;
}

export const CONVNEXT_PREFIX = 'model.vision_tower.slow_vision_tower.vision_tower';

/** The learned embedding that ends every row of visual tokens in LLaVA-NeXT. */
export const NEWLINE_NAME = 'model.image_newline';

/** Shapes by tensor name, in PyTorch's order: linear weights [out, in], convolutions [out, in / groups, h, w]. */
export type TensorShapes = Map<string, readonly number[]>;

/**
 * Every tensor the architecture uses, by its name in the official state dict, in model order.
 * A `linear` projector is named like a one-layer MLP, `model.mm_projector.0`.
 */
export function requiredTensors(architecture: Architecture): TensorShapes {
  const { family, language, clip, convnext, projector } = architecture;
  const shapes: TensorShapes = new Map();
  addClip(shapes, clipPrefix(family), clip, family);
  if (convnext !== null) {
    addConvNext(shapes, CONVNEXT_PREFIX, convnext);
    addAlignment(shapes, clip.hiddenSize, convnext.dims.at(-1)!, architecture.stageAdapters);
  }
  for (let layer = 0; layer < projector.layers; layer++) {
    const inputSize = layer === 0 ? projector.inputSize : language.hiddenSize;
    // Layers alternate with GELUs, so their indices are even.
    addLinear(shapes, `model.mm_projector.${2 * layer}`, inputSize, language.hiddenSize);
  }
  if (architecture.tiling !== undefined) shapes.set(NEWLINE_NAME, [language.hiddenSize]);
  addLanguage(shapes, language);
  return shapes;
}

function addClip(shapes: TensorShapes, prefix: string, clip: ClipTower, family: Architecture['family']): void {
  const { hiddenSize, intermediateSize, patchSize, imageSize } = clip;
  // LLaVA-HR drops the class token before any layer sees it.
  if (family !== 'llava-hr') shapes.set(`${prefix}.embeddings.class_embedding`, [hiddenSize]);
  shapes.set(`${prefix}.embeddings.patch_embedding.weight`, [hiddenSize, 3, patchSize, patchSize]);
  const positions = Math.floor(imageSize / patchSize) ** 2 + 1;
  shapes.set(`${prefix}.embeddings.position_embedding.weight`, [positions, hiddenSize]);
  addNorm(shapes, `${prefix}.pre_layrnorm`, hiddenSize); // sic, transformers' spelling
  for (let n = 0; n < clip.usedLayers; n++) {
    const layer = `${prefix}.encoder.layers.${n}`;
    addNorm(shapes, `${layer}.layer_norm1`, hiddenSize);
    for (const name of ['q_proj', 'k_proj', 'v_proj', 'out_proj']) {
      addLinear(shapes, `${layer}.self_attn.${name}`, hiddenSize, hiddenSize);
    }
    addNorm(shapes, `${layer}.layer_norm2`, hiddenSize);
    addLinear(shapes, `${layer}.mlp.fc1`, hiddenSize, intermediateSize);
    addLinear(shapes, `${layer}.mlp.fc2`, intermediateSize, hiddenSize);
  }
}

/** timm's ConvNeXt: 4x4 stem, 7x7 depthwise convolutions, MLP of ratio 4. */
function addConvNext(shapes: TensorShapes, prefix: string, { depths, dims }: ConvNextTower): void {
  addConv(shapes, `${prefix}.stem.0`, [dims[0]!, 3, 4, 4]);
  addNorm(shapes, `${prefix}.stem.1`, dims[0]!);
  for (const [s, depth] of depths.entries()) {
    const dim = dims[s]!;
    if (s > 0) {
      addNorm(shapes, `${prefix}.stages.${s}.downsample.0`, dims[s - 1]!);
      addConv(shapes, `${prefix}.stages.${s}.downsample.1`, [dim, dims[s - 1]!, 2, 2]);
    }
    for (let b = 0; b < depth; b++) {
      const block = `${prefix}.stages.${s}.blocks.${b}`;
      addConv(shapes, `${block}.conv_dw`, [dim, 1, 7, 7]);
      addNorm(shapes, `${block}.norm`, dim);
      addLinear(shapes, `${block}.mlp.fc1`, dim, 4 * dim);
      addLinear(shapes, `${block}.mlp.fc2`, 4 * dim, dim);
      shapes.set(`${block}.weight`, [dim]); // layer scale, timm's gamma
    }
  }
}

/** MR-Adapters between the quarters of the CLIP layers, and the final fusion of both pathways. */
function addAlignment(shapes: TensorShapes, fast: number, slow: number, stageAdapters: boolean): void {
  for (let n = 0; stageAdapters && n < 3; n++) {
    const adapter = `model.vision_tower.align_stages_latent.${n}`;
    addConv(shapes, `${adapter}.slow_conv`, [slow, slow, 1, 1]);
    addConv(shapes, `${adapter}.slow_proj`, [fast, slow, 1, 1]);
    addConv(shapes, `${adapter}.fast_conv`, [fast, 1, 7, 7]);
    addConv(shapes, `${adapter}.fast_proj`, [fast, fast, 1, 1]);
    addLinear(shapes, `${adapter}.gate.0`, 2 * fast, Math.floor(fast / 2));
    addLinear(shapes, `${adapter}.gate.2`, Math.floor(fast / 2), 1);
  }
  addLinear(shapes, 'model.vision_tower.align_stages.0.fast_proj', fast, fast);
  addLinear(shapes, 'model.vision_tower.align_stages.0.slow_proj', slow, fast);
}

function addLanguage(shapes: TensorShapes, model: LanguageModel): void {
  const { layers, hiddenSize, heads, intermediateSize, vocabSize } = model;
  const keyValueSize = (keyValueHeadsOf(model) * hiddenSize) / heads;
  shapes.set('model.embed_tokens.weight', [vocabSize, hiddenSize]);
  for (let n = 0; n < layers; n++) {
    const layer = `model.layers.${n}`;
    shapes.set(`${layer}.input_layernorm.weight`, [hiddenSize]);
    shapes.set(`${layer}.self_attn.q_proj.weight`, [hiddenSize, hiddenSize]);
    shapes.set(`${layer}.self_attn.k_proj.weight`, [keyValueSize, hiddenSize]);
    shapes.set(`${layer}.self_attn.v_proj.weight`, [keyValueSize, hiddenSize]);
    shapes.set(`${layer}.self_attn.o_proj.weight`, [hiddenSize, hiddenSize]);
    shapes.set(`${layer}.post_attention_layernorm.weight`, [hiddenSize]);
    shapes.set(`${layer}.mlp.gate_proj.weight`, [intermediateSize, hiddenSize]);
    shapes.set(`${layer}.mlp.up_proj.weight`, [intermediateSize, hiddenSize]);
    shapes.set(`${layer}.mlp.down_proj.weight`, [hiddenSize, intermediateSize]);
  }
  shapes.set('model.norm.weight', [hiddenSize]);
  shapes.set('lm_head.weight', [vocabSize, hiddenSize]);
}

function addLinear(shapes: TensorShapes, name: string, inputs: number, outputs: number): void {
  shapes.set(`${name}.weight`, [outputs, inputs]);
  shapes.set(`${name}.bias`, [outputs]);
}

function addConv(shapes: TensorShapes, name: string, shape: readonly number[]): void {
  shapes.set(`${name}.weight`, shape);
  shapes.set(`${name}.bias`, [shape[0]!]);
}

function addNorm(shapes: TensorShapes, name: string, size: number): void {
  shapes.set(`${name}.weight`, [size]);
  shapes.set(`${name}.bias`, [size]);
}
