import type { SchemaObject } from 'ajv';

const count = { type: 'integer', minimum: 1 };
const positive = { type: 'number', exclusiveMinimum: 0 };
const text = { type: 'string', minLength: 1 };
const stages = { type: 'array', items: count, minItems: 4, maxItems: 4 };
const hashedFile = {
  name: text,
  bytes: { type: 'integer', minimum: 0 },
  sha256: { type: 'string', pattern: '^[0-9a-f]{64}$' },
};

/** An object of which every property is required and no other is allowed. */
function object(properties: Record<string, SchemaObject>): SchemaObject {
  return { type: 'object', properties, required: Object.keys(properties), additionalProperties: false };
}

function list(items: SchemaObject): SchemaObject {
  return { type: 'array', items, minItems: 1 };
}

/** JSON Schema of model.json; ModelManifest is the same in TypeScript. */
export const manifestSchema: SchemaObject = object({
  schemaVersion: { const: 1 },
  name: text,
  architecture: object({
    family: { enum: ['llava-hr', 'llava-1.5'] },
    language: object({
      layers: count,
      hiddenSize: count,
      heads: count,
      intermediateSize: count,
      vocabSize: count,
      rmsNormEps: positive,
      ropeTheta: positive,
      ropeScale: positive,
      maxPositions: count,
      eosTokenId: { type: 'integer', minimum: 0 },
    }),
    clip: object({
      layers: count,
      usedLayers: { type: 'integer', minimum: 0 },
      hiddenSize: count,
      heads: count,
      intermediateSize: count,
      patchSize: count,
      imageSize: count,
      layerNormEps: positive,
      activation: { enum: ['quick_gelu', 'gelu'] },
    }),
    convnext: { anyOf: [{ type: 'null' }, object({ depths: stages, dims: stages, layerNormEps: positive })] },
    stageAdapters: { type: 'boolean' },
    projector: object({ layers: count, inputSize: count }),
    inputImageSize: count,
    imageAspect: { enum: ['pad', 'crop'] },
  }),
  precision: { enum: ['fp32', 'fp16'] },
  graphVersion: count,
  resolutions: list(object({ resolution: count, visualTokens: count, graph: text })),
  weights: list(object(hashedFile)),
  source: object({ layout: text, files: list(object({ ...hashedFile, modifiedMs: { type: 'number' } })) }),
});
