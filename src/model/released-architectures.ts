import type { Architecture, ClipTower, ConvNextTower, LanguageModel } from './architecture.js';

/* The dimensions of the released checkpoints, for code that needs them before a checkpoint is downloaded. */

/** Vicuna-7B and -13B v1.5. Source: their config.json, and that of favor123/llava-hr-13b-x-sft-1024 */
const VICUNA = {
  vocabSize: 32000,
  rmsNormEps: 1e-5,
  ropeTheta: 10000,
  ropeScale: 1,
  maxPositions: 4096,
  eosTokenId: 2,
};
const VICUNA_7B: LanguageModel = { layers: 32, hiddenSize: 4096, heads: 32, intermediateSize: 11008, ...VICUNA };
const VICUNA_13B: LanguageModel = { layers: 40, hiddenSize: 5120, heads: 40, intermediateSize: 13824, ...VICUNA };

/** openai/clip-vit-large-patch14-336. LLaVA-HR runs all layers, LLaVA-1.5 all but the last. */
const CLIP_L: ClipTower = {
  layers: 24,
  usedLayers: 24,
  hiddenSize: 1024,
  heads: 16,
  intermediateSize: 4096,
  patchSize: 14,
  imageSize: 336,
  layerNormEps: 1e-5,
  activation: 'quick_gelu',
};

/** The official slow towers, by the prefix of `vision_tower_slow`. Source: LLaVA-HR convnext.py */
export const CONVNEXT_TOWERS: Readonly<Record<'convnext_large_mlp' | 'convnext_xxlarge', ConvNextTower>> = {
  convnext_large_mlp: { depths: [3, 3, 27, 3], dims: [192, 384, 768, 1536], layerNormEps: 1e-6 },
  convnext_xxlarge: { depths: [3, 4, 30, 3], dims: [384, 768, 1536, 3072], layerNormEps: 1e-5 },
};

export const RELEASED_MODELS = ['llava-hr-7b', 'llava-hr-13b-x', 'llava-1.5-7b', 'llava-1.5-13b'] as const;
export type ReleasedModel = (typeof RELEASED_MODELS)[number];

export const RELEASED_ARCHITECTURES: Readonly<Record<ReleasedModel, Architecture>> = {
  'llava-hr-7b': llavaHr(VICUNA_7B, CONVNEXT_TOWERS.convnext_large_mlp),
  'llava-hr-13b-x': llavaHr(VICUNA_13B, CONVNEXT_TOWERS.convnext_xxlarge),
  'llava-1.5-7b': llava15(VICUNA_7B),
  'llava-1.5-13b': llava15(VICUNA_13B),
};

function llavaHr(language: LanguageModel, convnext: ConvNextTower): Architecture {
  return {
    family: 'llava-hr',
    language,
    clip: CLIP_L,
    convnext,
    stageAdapters: true,
    projector: { layers: 2, inputSize: CLIP_L.hiddenSize },
    inputImageSize: 1024,
    imageAspect: 'pad',
  };
}

function llava15(language: LanguageModel): Architecture {
  return {
    family: 'llava-1.5',
    language,
    clip: { ...CLIP_L, usedLayers: CLIP_L.layers - 1 },
    convnext: null,
    stageAdapters: false,
    projector: { layers: 2, inputSize: CLIP_L.hiddenSize },
    inputImageSize: CLIP_L.imageSize,
    imageAspect: 'pad',
  };
}
