import type { Architecture } from '../../src/model/architecture.js';
import { RELEASED_ARCHITECTURES } from '../../src/model/released-architectures.js';

const hr = RELEASED_ARCHITECTURES['llava-hr-7b'];

/** LLaVA-HR in small: every part of it, less than a million parameters, 64 visual tokens at 256 px. */
export const SMALL_HR: Architecture = {
  ...hr,
  language: { ...hr.language, layers: 2, hiddenSize: 64, heads: 4, intermediateSize: 160, vocabSize: 500 },
  clip: { ...hr.clip, layers: 4, usedLayers: 4, hiddenSize: 64, heads: 4, intermediateSize: 128, imageSize: 112 },
  convnext: { depths: [1, 1, 2, 1], dims: [16, 32, 48, 64], layerNormEps: 1e-6 },
  projector: { layers: 2, inputSize: 64 },
  inputImageSize: 256,
};

/** LLaVA-NeXT in small, with a decoder that has all that Mistral and Llama 3 add. */
export const SMALL_NEXT: Architecture = {
  ...SMALL_HR,
  family: 'llava-next',
  language: {
    ...SMALL_HR.language,
    keyValueHeads: 2,
    slidingWindow: 50,
    otherEosTokenIds: [7],
    llama3Rope: { factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalPositions: 64 },
  },
  clip: { ...SMALL_HR.clip, usedLayers: 3 },
  convnext: null,
  stageAdapters: false,
  inputImageSize: 112,
  tiling: { sizes: [[112, 224]], roundsBeforeTruncating: false },
};
