import type { Architecture, LanguageModel } from '../src/model/architecture.js';

const llama: LanguageModel = {
  layers: 8,
  hiddenSize: 1024,
  heads: 16,
  intermediateSize: 2752,
  vocabSize: 32000,
  rmsNormEps: 1e-5,
  ropeTheta: 10000,
  ropeScale: 1,
  maxPositions: 4096,
  eosTokenId: 2,
};

/** A mid-size decoder behind a small CLIP: 576 visual tokens, about 610 tokens before the question. */
export const MID_SIZE: Architecture = {
  family: 'llava-1.5',
  language: llama,
  clip: {
    layers: 4,
    usedLayers: 3,
    hiddenSize: 256,
    heads: 4,
    intermediateSize: 1024,
    patchSize: 14,
    imageSize: 336,
    layerNormEps: 1e-5,
    activation: 'quick_gelu',
  },
  convnext: null,
  stageAdapters: false,
  projector: { layers: 2, inputSize: 256 },
  inputImageSize: 336,
  imageAspect: 'pad',
};

/** LLaVA-HR-7B's towers and the first eight of its 32 decoder layers, so that it fits and ends in seconds. */
export const HR_7B_EIGHT_LAYERS: Architecture = {
  family: 'llava-hr',
  language: { ...llama, layers: 8, hiddenSize: 4096, heads: 32, intermediateSize: 11008 },
  clip: {
    layers: 24,
    usedLayers: 24,
    hiddenSize: 1024,
    heads: 16,
    intermediateSize: 4096,
    patchSize: 14,
    imageSize: 336,
    layerNormEps: 1e-5,
    activation: 'quick_gelu',
  },
  convnext: { depths: [3, 3, 27, 3], dims: [192, 384, 768, 1536], layerNormEps: 1e-6 },
  stageAdapters: true,
  projector: { layers: 2, inputSize: 1024 },
  inputImageSize: 1024,
  imageAspect: 'pad',
};
