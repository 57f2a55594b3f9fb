import type { ModelManifest } from '../../src/model/manifest.js';
import { GRAPH_VERSION, visionGraphName } from '../../src/model/model-folder.js';

const sha256 = 'a'.repeat(64);

/** model.json in the exporter's format. */
export const manifest: ModelManifest = {
  schemaVersion: 1,
  name: 'hr-mini',
  architecture: {
    family: 'llava-hr',
    language: {
      layers: 2,
      hiddenSize: 64,
      heads: 4,
      intermediateSize: 96,
      vocabSize: 768,
      rmsNormEps: 1e-5,
      ropeTheta: 10000,
      ropeScale: 1,
      maxPositions: 2048,
      eosTokenId: 2,
    },
    clip: {
      layers: 4,
      usedLayers: 4,
      hiddenSize: 32,
      heads: 4,
      intermediateSize: 64,
      patchSize: 14,
      imageSize: 56,
      layerNormEps: 1e-5,
      activation: 'quick_gelu',
    },
    convnext: { depths: [1, 1, 1, 1], dims: [8, 16, 32, 64], layerNormEps: 1e-6 },
    stageAdapters: true,
    projector: { layers: 2, inputSize: 32 },
    inputImageSize: 128,
    imageAspect: 'pad',
  },
  precision: 'fp32',
  graphVersion: GRAPH_VERSION,
  resolutions: [64, 128].map((resolution) => ({ resolution, visualTokens: 16, graph: visionGraphName(resolution) })),
  weights: ['vision.weights', 'language.weights'].map((name) => ({ name, bytes: 4096, sha256 })),
  source: { layout: 'llava-hr', files: [{ name: 'config.json', bytes: 100, sha256, modifiedMs: 1 }] },
};
