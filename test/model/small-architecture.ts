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
