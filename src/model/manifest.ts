import type { SchemaObject } from 'ajv';
import { COUNT, nullable, objectOf, POSITIVE, SHA256 } from '../shared/json-schema.js';
import type {
  Architecture,
  ClipTower,
  ConvNextTower,
  LanguageModel,
  Llama3Rope,
  Projector,
  Tiling,
} from './architecture.js';
import { CONV_MODES, type ConvMode } from './conversation.js';
import { INT8_STORAGE_TYPES, type Int8StorageType, PRECISIONS, type Precision } from './precision.js';

/** model.json of an exported model. */
export interface ModelManifest {
  schemaVersion: 1;
  /** The checkpoint's folder name, shown in tables. */
  name: string;
  architecture: Architecture;
  precision: Precision;
  /** How int8 weights are stored; int8 if absent. */
  int8Storage?: Int8StorageType;
  /** The conversation template that the checkpoint was trained with, where it is known not to be `vicuna_v1`. */
  convMode?: ConvMode;
  graphVersion: number;
  resolutions: VisionGraphEntry[];
  /** Hashes are of the tensors in order, without the padding between them. */
  weights: HashedFile[];
  source: { layout: string; files: SourceFile[] };
}

/** One vision graph; `visualTokens` is the number of prompt tokens an image takes, at most where it is cut into tiles. */
export interface VisionGraphEntry {
  resolution: number;
  visualTokens: number;
  graph: string;
}

export interface HashedFile {
  name: string;
  bytes: number;
  sha256: string;
}

/** A file the model was made from; its size and time show quickly that it has not changed. */
export interface SourceFile extends HashedFile {
  modifiedMs: number;
}

const NAME: SchemaObject = { type: 'string', minLength: 1 };
/** A file name without a path, so that it cannot point outside the model's folder. */
const FILE_NAME: SchemaObject = { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$', maxLength: 100 };
const ABOVE_ZERO: SchemaObject = { type: 'number', exclusiveMinimum: 0 };
const STAGES: SchemaObject = { type: 'array', items: POSITIVE, minItems: 4, maxItems: 4 };
const hashedFile = { name: NAME, bytes: COUNT, sha256: SHA256 };

function list(items: SchemaObject): SchemaObject {
  return { type: 'array', items, minItems: 1 };
}

const properties: Record<keyof ModelManifest, SchemaObject> = {
  schemaVersion: { const: 1 },
  name: NAME,
  architecture: objectOf<Architecture>(
    {
      family: { enum: ['llava-hr', 'llava-1.5', 'llava-next'] },
      language: objectOf<LanguageModel>(
        {
          layers: POSITIVE,
          hiddenSize: POSITIVE,
          heads: POSITIVE,
          keyValueHeads: POSITIVE,
          intermediateSize: POSITIVE,
          vocabSize: POSITIVE,
          rmsNormEps: ABOVE_ZERO,
          ropeTheta: ABOVE_ZERO,
          ropeScale: ABOVE_ZERO,
          llama3Rope: objectOf<Llama3Rope>({
            factor: ABOVE_ZERO,
            lowFrequencyFactor: ABOVE_ZERO,
            highFrequencyFactor: ABOVE_ZERO,
            originalPositions: POSITIVE,
          }),
          slidingWindow: POSITIVE,
          maxPositions: POSITIVE,
          eosTokenId: COUNT,
          otherEosTokenIds: { type: 'array', items: COUNT, maxItems: 16 },
        },
        ['keyValueHeads', 'llama3Rope', 'slidingWindow', 'otherEosTokenIds'],
      ),
      clip: objectOf<ClipTower>({
        layers: POSITIVE,
        usedLayers: COUNT,
        hiddenSize: POSITIVE,
        heads: POSITIVE,
        intermediateSize: POSITIVE,
        patchSize: POSITIVE,
        imageSize: POSITIVE,
        layerNormEps: ABOVE_ZERO,
        activation: { enum: ['quick_gelu', 'gelu'] },
      }),
      convnext: nullable(objectOf<ConvNextTower>({ depths: STAGES, dims: STAGES, layerNormEps: ABOVE_ZERO })),
      stageAdapters: { type: 'boolean' },
      projector: objectOf<Projector>({ layers: POSITIVE, inputSize: POSITIVE }),
      inputImageSize: POSITIVE,
      imageAspect: { enum: ['pad', 'crop'] },
      tiling: objectOf<Tiling>({
        sizes: list({ type: 'array', items: POSITIVE, minItems: 2, maxItems: 2 }),
        roundsBeforeTruncating: { type: 'boolean' },
      }),
    },
    ['tiling'],
  ),
  precision: { enum: PRECISIONS },
  int8Storage: { enum: INT8_STORAGE_TYPES },
  convMode: { enum: CONV_MODES },
  graphVersion: POSITIVE,
  resolutions: list(objectOf<VisionGraphEntry>({ resolution: POSITIVE, visualTokens: POSITIVE, graph: FILE_NAME })),
  weights: list(objectOf<HashedFile>({ ...hashedFile, name: FILE_NAME })),
  source: objectOf<ModelManifest['source']>({
    layout: NAME,
    files: list(objectOf<SourceFile>({ ...hashedFile, modifiedMs: { type: 'number' } })),
  }),
};

/** JSON Schema of model.json. */
export const manifestSchema: SchemaObject = objectOf<ModelManifest>(properties, ['int8Storage', 'convMode']);
