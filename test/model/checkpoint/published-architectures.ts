import type { Architecture } from '../../../src/model/architecture.js';

/** liuhaotian/llava-v1.5-7b with openai/clip-vit-large-patch14-336 */
export const LLAVA_15_7B: Architecture = {
  family: 'llava-1.5',
  language: {
    layers: 32,
    hiddenSize: 4096,
    heads: 32,
    intermediateSize: 11008,
    vocabSize: 32000,
    rmsNormEps: 1e-5,
    ropeTheta: 10000,
    ropeScale: 1,
    maxPositions: 4096,
    eosTokenId: 2,
  },
  clip: {
    layers: 24,
    usedLayers: 23,
    hiddenSize: 1024,
    heads: 16,
    intermediateSize: 4096,
    patchSize: 14,
    imageSize: 336,
    layerNormEps: 1e-5,
    activation: 'quick_gelu',
  },
  convnext: null,
  stageAdapters: false,
  projector: { layers: 2, inputSize: 1024 },
  inputImageSize: 336,
  imageAspect: 'pad',
};

/** favor123/llava-hr-7b-sft-1024 */
export const LLAVA_HR_7B: Architecture = {
  ...LLAVA_15_7B,
  family: 'llava-hr',
  clip: { ...LLAVA_15_7B.clip, usedLayers: 24 },
  convnext: { depths: [3, 3, 27, 3], dims: [192, 384, 768, 1536], layerNormEps: 1e-6 },
  stageAdapters: true,
  inputImageSize: 1024,
};

/** favor123/llava-hr-13b-x-sft-1024 */
export const LLAVA_HR_13B_X: Architecture = {
  ...LLAVA_HR_7B,
  language: { ...LLAVA_15_7B.language, layers: 40, hiddenSize: 5120, heads: 40, intermediateSize: 13824 },
  convnext: { depths: [3, 4, 30, 3], dims: [384, 768, 1536, 3072], layerNormEps: 1e-5 },
};
