import assert from 'node:assert/strict';
import test from 'node:test';
import type { Architecture } from '../../../src/model/architecture.js';
import type { ConfigBlock } from '../../../src/model/checkpoint/config-file.js';
import type { NamedTensors } from '../../../src/model/checkpoint/named-tensors.js';
import { readArchitecture, trainedConvMode } from '../../../src/model/checkpoint/read-config.js';
import { requiredTensors } from '../../../src/model/checkpoint/required-tensors.js';
import type { Layout } from '../../../src/model/checkpoint/tensor-names.js';
import { UserError } from '../../../src/shared/errors.js';
import { LLAVA_15_7B, LLAVA_HR_7B, LLAVA_HR_13B_X } from './published-architectures.js';

type Json = Record<string, unknown>;

/** config.json of favor123/llava-hr-13b-x-sft-1024, without keys that only concern training. */
const HR_CONFIG: Json = {
  _name_or_path: '/data/vicuna/vicuna-13b-v1.5',
  architectures: ['LlavaLlamaForCausalLM'],
  bos_token_id: 1,
  eos_token_id: 2,
  pad_token_id: 0,
  freeze_vision: false,
  hidden_act: 'silu',
  hidden_size: 5120,
  image_aspect_ratio: 'pad',
  image_grid_pinpoints: null,
  input_image_size: 1024,
  intermediate_size: 13824,
  is_multipath_encoder: true,
  max_length: 4096,
  max_position_embeddings: 4096,
  mm_hidden_size: 1024,
  mm_projector_type: 'mlp2x_gelu',
  mm_use_im_patch_token: false,
  mm_use_im_start_end: false,
  mm_vision_select_feature: 'patch',
  mm_vision_select_layer: -2,
  mm_vision_tower: 'openai/clip-vit-large-patch14-336',
  model_type: 'llava',
  num_attention_heads: 40,
  num_hidden_layers: 40,
  num_key_value_heads: 40,
  rms_norm_eps: 1e-5,
  rope_scaling: null,
  tie_word_embeddings: false,
  torch_dtype: 'bfloat16',
  transformers_version: '4.31.0',
  vision_tower_slow: 'convnext_xxlarge.clip_laion2b_soup',
  vocab_size: 32000,
};

const L15_CONFIG: Json = {
  hidden_act: 'silu',
  hidden_size: 4096,
  image_aspect_ratio: 'pad',
  intermediate_size: 11008,
  max_position_embeddings: 4096,
  mm_hidden_size: 1024,
  mm_projector_type: 'mlp2x_gelu',
  mm_use_im_start_end: false,
  mm_vision_select_feature: 'patch',
  mm_vision_select_layer: -2,
  mm_vision_tower: '/somewhere/else/clip-vit-large-patch14-336/',
  model_type: 'llava_llama',
  num_attention_heads: 32,
  num_hidden_layers: 32,
  num_key_value_heads: 32,
  rms_norm_eps: 1e-5,
  rope_scaling: null,
  vocab_size: 32000,
};

const VISION_CONFIG: Json = {
  hidden_size: 1024,
  image_size: 336,
  intermediate_size: 4096,
  model_type: 'clip_vision_model',
  num_attention_heads: 16,
  num_hidden_layers: 24,
  patch_size: 14,
};

/** config.json of llava-hf/llava-1.5-7b-hf; text_config omits what is transformers' default. */
const HF_CONFIG: Json = {
  architectures: ['LlavaForConditionalGeneration'],
  image_token_index: 32000,
  model_type: 'llava',
  pad_token_id: 32001,
  projector_hidden_act: 'gelu',
  text_config: {
    architectures: ['LlamaForCausalLM'],
    max_position_embeddings: 4096,
    model_type: 'llama',
    rms_norm_eps: 1e-5,
    vocab_size: 32064,
  },
  tie_word_embeddings: false,
  vision_config: VISION_CONFIG,
  vision_feature_layer: -2,
  vision_feature_select_strategy: 'default',
};
const HF_7B: Architecture = { ...LLAVA_15_7B, language: { ...LLAVA_15_7B.language, vocabSize: 32064 } };

/** Reads a config against weights of a given architecture. */
function read(layout: Layout, config: Json, weights: Architecture, vision: Json | null = null): Architecture {
  // Weights contain all CLIP layers, whether they are used or not.
  const shapes = requiredTensors({ ...weights, clip: { ...weights.clip, usedLayers: weights.clip.layers } });
  const infos = new Map(
    [...shapes].map(([name, shape]) => [name, { name, shape, dtype: 'F16' as const, file: 'model.bin' }]),
  );
  const tensors: NamedTensors = { folder: 'folder', infos, storedName: (name) => name };
  const block: ConfigBlock = { file: 'config.json', path: '', values: config };
  return readArchitecture(layout, block, vision && { ...block, path: 'vision_config.', values: vision }, tensors);
}

test('LLaVA-HR-13B-X from its published config', () => {
  assert.deepEqual(read('llava-hr', HR_CONFIG, LLAVA_HR_13B_X), LLAVA_HR_13B_X);
});

test('LLaVA-HR-7B: the other slow tower', () => {
  const config = {
    ...HR_CONFIG,
    hidden_size: 4096,
    intermediate_size: 11008,
    num_hidden_layers: 32,
    ...{
      num_attention_heads: 32,
      num_key_value_heads: 32,
      vision_tower_slow: 'convnext_large_mlp.clip_laion2b_ft_320',
    },
  };
  assert.deepEqual(read('llava-hr', config, LLAVA_HR_7B), LLAVA_HR_7B);
  assert.equal(read('llava-hr', { ...config, freeze_vision: true }, LLAVA_HR_7B).stageAdapters, false);
});

test('LLaVA-1.5: recognises the tower by the last part of its path', () => {
  assert.deepEqual(read('llava-1.5', L15_CONFIG, LLAVA_15_7B), LLAVA_15_7B);
  const at1022 = read('llava-1.5', { ...L15_CONFIG, input_image_size: 1022 }, LLAVA_15_7B);
  assert.equal(at1022.inputImageSize, 1022);
});

test('llava-hf from its published config, without the default sizes', () => {
  assert.deepEqual(read('llava-hf', HF_CONFIG, HF_7B, VISION_CONFIG), HF_7B);
});

test('number of CLIP layers that are run', () => {
  const used = (index: number) =>
    read('llava-1.5', { ...L15_CONFIG, mm_vision_select_layer: index }, LLAVA_15_7B).clip.usedLayers;
  assert.deepEqual([-1, -2, -24, -25, 0, 5, 24].map(used), [24, 23, 1, 0, 0, 5, 24]);
});

test('the tokenizer limits the longest sequence only in LLaVA-1.5', () => {
  const limit = { tokenizer_model_max_length: 2048 };
  assert.equal(read('llava-1.5', { ...L15_CONFIG, ...limit }, LLAVA_15_7B).language.maxPositions, 2048);
  assert.equal(read('llava-hr', { ...HR_CONFIG, ...limit }, LLAVA_HR_13B_X).language.maxPositions, 4096);
  const { max_position_embeddings: _, ...without } = L15_CONFIG;
  assert.equal(read('llava-1.5', without, LLAVA_15_7B).language.maxPositions, 2048);
});

test('rotary embedding', () => {
  const rope = (changes: Json) => {
    const { ropeTheta, ropeScale } = read('llava-1.5', { ...L15_CONFIG, ...changes }, LLAVA_15_7B).language;
    return [ropeTheta, ropeScale];
  };
  assert.deepEqual(rope({}), [10000, 1]);
  assert.deepEqual(rope({ rope_theta: 5e5, rope_scaling: { type: 'linear', factor: 4 } }), [5e5, 4]);
  assert.deepEqual(rope({ rope_parameters: { rope_theta: 2e4, rope_type: 'default' } }), [2e4, 1]);
});

test("Llama 3's rotary embedding", () => {
  const scaling = { factor: 8, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 8192 };
  const changes = { rope_theta: 5e5, rope_scaling: { rope_type: 'llama3', ...scaling } };
  const { ropeTheta, llama3Rope } = read('llava-1.5', { ...L15_CONFIG, ...changes }, LLAVA_15_7B).language;
  assert.deepEqual(
    [ropeTheta, llama3Rope],
    [5e5, { factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalPositions: 8192 }],
  );
});

/** Mistral-7B: a quarter of the heads for keys and values. */
const MISTRAL: Architecture = {
  ...LLAVA_15_7B,
  language: { ...LLAVA_15_7B.language, keyValueHeads: 8, intermediateSize: 14336, maxPositions: 32768 },
};

test("a Mistral decoder, and transformers' defaults of its missing keys", () => {
  const own = { model_type: 'llava_mistral', intermediate_size: 14336, num_key_value_heads: 8, sliding_window: null };
  const config = { ...L15_CONFIG, ...own, max_position_embeddings: 32768 };
  assert.deepEqual(read('llava-1.5', config, MISTRAL), MISTRAL);
  assert.equal(read('llava-1.5', { ...config, sliding_window: 4096 }, MISTRAL).language.slidingWindow, 4096);

  const { language } = read(
    'llava-hf',
    { ...HF_CONFIG, text_config: { model_type: 'mistral' } },
    MISTRAL,
    VISION_CONFIG,
  );
  const { keyValueHeads, slidingWindow, maxPositions, rmsNormEps } = language;
  assert.deepEqual([keyValueHeads, slidingWindow, maxPositions, rmsNormEps], [8, 4096, 131072, 1e-6]);
  const shared = { model_type: 'mistral', num_key_value_heads: null };
  const { keyValueHeads: none } = read(
    'llava-hf',
    { ...HF_CONFIG, text_config: shared },
    HF_7B,
    VISION_CONFIG,
  ).language;
  assert.equal(none, undefined);
});

/** LLaVA-NeXT, in which LLaVA writes widths first and transformers heights. */
const SIZES: [number, number][] = [
  [336, 672],
  [672, 336],
  [672, 672],
  [1008, 336],
  [336, 1008],
];
const NEXT_KEYS = { image_aspect_ratio: 'anyres', mm_patch_merge_type: 'spatial_unpad', image_grid_pinpoints: SIZES };

test('LLaVA-NeXT cuts images into tiles, and its Mistral models have a template of their own', () => {
  const weights: Architecture = {
    ...LLAVA_15_7B,
    family: 'llava-next',
    imageAspect: 'crop',
    tiling: { sizes: SIZES, roundsBeforeTruncating: false },
  };
  const config = { ...L15_CONFIG, ...NEXT_KEYS };
  assert.deepEqual(read('llava-1.5', config, weights), weights);
  assert.deepEqual(read('llava-1.5', { ...config, image_grid_pinpoints: JSON.stringify(SIZES) }, weights), weights);

  const hf = { ...HF_CONFIG, model_type: 'llava_next', image_grid_pinpoints: SIZES };
  const hfWeights = { ...weights, language: HF_7B.language };
  const { tiling } = read('llava-hf', hf, hfWeights, VISION_CONFIG);
  assert.deepEqual(tiling, {
    sizes: SIZES.map(([height, width]) => [width, height]),
    roundsBeforeTruncating: true,
  });

  const modeOf = (layout: Layout, values: Json, family: Architecture['family']) =>
    trainedConvMode(layout, { file: 'config.json', path: '', values }, family);
  const mistral = { ...hf, text_config: { model_type: 'mistral' } };
  assert.equal(modeOf('llava-hf', hf, 'llava-next'), undefined);
  assert.equal(modeOf('llava-hf', mistral, 'llava-next'), 'mistral_instruct');
  assert.equal(modeOf('llava-1.5', { ...config, model_type: 'llava_mistral' }, 'llava-next'), 'mistral_instruct');
  assert.equal(modeOf('llava-hf', mistral, 'llava-1.5'), undefined);
});

test('how an image becomes square', () => {
  const aspect = (value: unknown) =>
    read('llava-1.5', { ...L15_CONFIG, image_aspect_ratio: value }, LLAVA_15_7B).imageAspect;
  assert.deepEqual(['pad', 'square', null].map(aspect), ['pad', 'crop', 'crop']);
});

test('a linear projector', () => {
  const weights = { ...LLAVA_15_7B, projector: { layers: 1, inputSize: 1024 } };
  assert.deepEqual(read('llava-1.5', { ...L15_CONFIG, mm_projector_type: 'linear' }, weights), weights);
  const { mm_projector_type: _, ...without } = L15_CONFIG;
  assert.deepEqual(read('llava-1.5', without, weights), weights);
});

test('a slow tower described in the config', () => {
  const weights = { ...LLAVA_HR_13B_X, convnext: { depths: [1, 2, 1, 1], dims: [8, 16, 32, 64], layerNormEps: 1e-4 } };
  const slow = { depths: [1, 2, 1, 1], dims: [8, 16, 32, 64], norm_eps: 1e-4 };
  const config = { ...HR_CONFIG, vision_tower_slow: 'own', slow_vision_config: slow };
  assert.deepEqual(read('llava-hr', config, weights).convnext, weights.convnext);
});

/** Changes to a config, and what the message must say. */
const refused: [layout: Layout, changes: Json, says: RegExp][] = [
  [
    'llava-1.5',
    { hidden_size: 5120 },
    /^config\.json: hidden_size is 5120, but model\.embed_tokens\.weight in the weights gives 4096/,
  ],
  ['llava-1.5', { vocab_size: 32064 }, /vocab_size is 32064, but .* gives 32000/],
  ['llava-1.5', { intermediate_size: 1 }, /intermediate_size is 1, but .*gate_proj\.weight in the weights gives 11008/],
  [
    'llava-1.5',
    { num_hidden_layers: 31 },
    /num_hidden_layers is 31, but the number of model\.layers in the weights gives 32/,
  ],
  ['llava-1.5', { hidden_size: '4096' }, /hidden_size must be a positive integer, found "4096"/],
  [
    'llava-1.5',
    { mm_hidden_size: 768 },
    /mm_hidden_size is 768, but model\.mm_projector\.0\.weight in the weights gives 1024/,
  ],
  ['llava-1.5', { num_key_value_heads: 8 }, /num_key_value_heads is 8, but .*k_proj\.weight in the weights gives 32/],
  ['llava-1.5', { num_key_value_heads: 12 }, /num_key_value_heads is 12, which does not divide the 32 attention heads/],
  ['llava-1.5', { rope_scaling: { rope_type: 'llama3', factor: 8 } }, /rope_scaling\.low_freq_factor is missing/],
  ['llava-1.5', { num_attention_heads: 24, num_key_value_heads: 24 }, /cannot be split into 24 heads/],
  ['llava-1.5', { head_dim: 64 }, /head_dim is 64, which is not supported/],
  ['llava-1.5', { attention_bias: true }, /attention_bias is true, which is not supported/],
  ['llava-1.5', { hidden_act: 'gelu' }, /hidden_act is "gelu", which is not supported/],
  ['llava-1.5', { rope_scaling: { type: 'dynamic', factor: 2 } }, /rope_scaling is .*"dynamic".*not supported/],
  ['llava-1.5', { rope_scaling: { type: 'linear' } }, /rope_scaling is .*not supported/],
  ['llava-1.5', { rope_parameters: { rope_type: 'yarn', factor: 2 } }, /rope_parameters is .*"yarn".*not supported/],
  ['llava-1.5', { mm_projector_type: 'identity' }, /mm_projector_type is "identity", which is not supported/],
  ['llava-1.5', { mm_projector_type: 'mlp2x_gelu_more' }, /mm_projector_type is .*not supported/],
  [
    'llava-1.5',
    { mm_projector_type: 'mlp999999999x_gelu' },
    /expected a projector with 999999999 layers, but the weights have 2/,
  ],
  [
    'llava-1.5',
    { mm_vision_select_feature: 'cls_patch' },
    /mm_vision_select_feature is "cls_patch", which is not supported/,
  ],
  ['llava-1.5', { mm_vision_select_layer: -26 }, /mm_vision_select_layer is -26, but the CLIP tower has 24 layers/],
  ['llava-1.5', { mm_vision_select_layer: 25 }, /mm_vision_select_layer is 25, but/],
  ['llava-1.5', { mm_vision_select_layer: null }, /mm_vision_select_layer is missing/],
  ['llava-1.5', { mm_use_im_start_end: true }, /mm_use_im_start_end is true, which is not supported/],
  ['llava-1.5', { image_aspect_ratio: 'anyres_max_9' }, /image_aspect_ratio is "anyres_max_9", which is not supported/],
  [
    'llava-1.5',
    { mm_patch_merge_type: 'spatial_unpad' },
    /mm_patch_merge_type is "spatial_unpad", which is not supported/,
  ],
  [
    'llava-1.5',
    { ...NEXT_KEYS, mm_patch_merge_type: 'spatial' },
    /mm_patch_merge_type is "spatial".*only spatial_unpad/,
  ],
  [
    'llava-1.5',
    { ...NEXT_KEYS, image_grid_pinpoints: '(1x1)' },
    /image_grid_pinpoints must be a list of sizes .*found "\(1x1\)"/,
  ],
  ['llava-hr', NEXT_KEYS, /image_aspect_ratio is "anyres", which is not supported: two pathways do not cut images/],
  ['llava-1.5', { model_type: 'llava_mpt' }, /model_type is "llava_mpt", which is not supported/],
  ['llava-1.5', { mm_vision_tower: 'laion/other' }, /"laion\/other", an unknown vision tower .*vision_config/],
  [
    'llava-1.5',
    { mm_vision_tower: 'openai/clip-vit-large-patch14' },
    /an image size of 224 px with 14 px patches needs 257 positions, but .* has 577/,
  ],
  [
    'llava-hr',
    { slow_vision_config: { dims: [1, 2, 3, 4] } },
    /slow_vision_config\.dims is \[1,2,3,4\], but .* gives \[384,768,1536,3072\]/,
  ],
  [
    'llava-hr',
    { slow_vision_config: { depths: [3, 3, 27, 3] } },
    /slow_vision_config\.depths is \[3,3,27,3\], but .* gives \[3,4,30,3\]/,
  ],
  [
    'llava-hr',
    { slow_vision_config: { hidden_act: 'relu' } },
    /slow_vision_config\.hidden_act is "relu", which is not supported/,
  ],
  [
    'llava-hr',
    { vision_tower_slow: 'convnext_large_mlp.x' },
    /with dims 192,384,768,1536 .*but .* has dims 384,768,1536,3072/,
  ],
  ['llava-hr', { vision_tower_slow: 'resnet' }, /vision_tower_slow is "resnet", an unknown tower .*slow_vision_config/],
  ['llava-hf', { model_type: 'llava_onevision' }, /model_type is "llava_onevision", which is not supported/],
  ['llava-hf', { model_type: 'llava_next' }, /image_grid_pinpoints must be a list of sizes/],
  [
    'llava-hf',
    { model_type: 'llava_next', image_grid_pinpoints: [[336, 500]] },
    /image_grid_pinpoints has 500 x 336, which cannot be cut into tiles of 336 px/,
  ],
  ['llava-hf', { text_config: { model_type: 'qwen2' } }, /text_config\.model_type is "qwen2", which is not supported/],
  ['llava-hf', { text_config: null }, /text_config is missing/],
  ['llava-hf', { projector_hidden_act: 'relu' }, /projector_hidden_act is "relu", which is not supported/],
  [
    'llava-hf',
    { vision_feature_select_strategy: 'full' },
    /vision_feature_select_strategy is "full", which is not supported/,
  ],
  ['llava-hf', { vision_feature_layer: [-2, -1] }, /vision_feature_layer must be an integer, found \[-2,-1\]/],
];

const BASES: Record<Layout, [Json, Architecture, Json | null]> = {
  'llava-1.5': [L15_CONFIG, LLAVA_15_7B, null],
  'llava-hr': [HR_CONFIG, LLAVA_HR_13B_X, null],
  'llava-hf': [HF_CONFIG, HF_7B, VISION_CONFIG],
};

for (const [layout, changes, says] of refused) {
  test(`${layout} refuses ${JSON.stringify(changes)}`, () => {
    const [config, weights, vision] = BASES[layout];
    assert.throws(
      () => read(layout, { ...config, ...changes }, weights, vision),
      (error) => {
        assert.ok(error instanceof UserError, String(error));
        assert.match(error.message, says);
        return true;
      },
    );
  });
}

const refusedVision: [changes: Json, says: RegExp][] = [
  [{ hidden_size: 768 }, /config\.json: vision_config\.hidden_size is 768, but .* gives 1024/],
  [{ patch_size: 16 }, /vision_config\.patch_size is 16, but .* gives 14/],
  [{ num_hidden_layers: 12 }, /vision_config\.num_hidden_layers is 12, but .* gives 24/],
  [{ intermediate_size: 1 }, /vision_config\.intermediate_size is 1, but .* gives 4096/],
  [{ image_size: 224 }, /vision_config\.image_size: an image size of 224 px with 14 px patches needs 257 positions/],
  [
    { num_attention_heads: null },
    /vision_config\.num_attention_heads: a hidden size of 1024 is not divisible by 12 heads/,
  ],
  [{ hidden_act: 'relu' }, /vision_config\.hidden_act is "relu", which is not supported/],
  [{ model_type: 'siglip_vision_model' }, /vision_config\.model_type is "siglip_vision_model", which is not supported/],
];

for (const [changes, says] of refusedVision) {
  test(`refuses a vision_config with ${JSON.stringify(changes)}`, () => {
    assert.throws(() => read('llava-1.5', L15_CONFIG, LLAVA_15_7B, { ...VISION_CONFIG, ...changes }), says);
  });
}

test('the native size may come from the weights', () => {
  const { image_size: _, ...without } = VISION_CONFIG;
  assert.equal(read('llava-1.5', L15_CONFIG, LLAVA_15_7B, without).clip.imageSize, 336);
});

test('LLaVA-HR needs a multiple of 4 CLIP layers', () => {
  const weights = { ...LLAVA_HR_13B_X, clip: { ...LLAVA_HR_13B_X.clip, layers: 22, usedLayers: 22 } };
  assert.throws(() => read('llava-hr', HR_CONFIG, weights), /CLIP tower has 22 layers; LLaVA-HR needs a multiple of 4/);
});
