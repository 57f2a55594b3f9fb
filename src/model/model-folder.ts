import { createHash } from 'node:crypto';
import { basename, join } from 'node:path';
import { canonicalJson } from '../shared/canonical-json.js';
import { messageOf, UserError } from '../shared/errors.js';
import { schemaCheck } from '../shared/json-schema.js';
import { parseJson } from '../shared/parse-json.js';
import { unreadable } from '../shared/system-errors.js';
import { readUtf8 } from '../shared/utf8-text.js';
import { type ConvMode, OFFICIAL_CONV_MODE } from './conversation.js';
import { visionSizes } from './export/vision-sizes.js';
import type { ImageInput } from './images/prepare-image.js';
import type { ImageSize } from './images/resize-image.js';
import { tileOrder } from './images/tiles.js';
import { type ModelManifest, manifestSchema, type VisionGraphEntry } from './manifest.js';

/** Version of the exported graphs: raised when the exporter writes different graphs for the same checkpoint. */
export const GRAPH_VERSION = 8;

/** Version of the image preprocessing: raised when the same image gives different pixels. */
export const PREPROCESSING_VERSION = 1;

/** Names inside a model folder. */
export const MODEL_FILES = {
  manifest: 'model.json',
  generate: 'generate.onnx',
  selfChecks: 'self-checks.json',
} as const;

/** Tokenizer files copied to the model folder when the checkpoint has them. */
export const TOKENIZER_FILES: readonly string[] = [
  'tokenizer.model',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
];

/** Name of the vision graph for square input of `resolution` pixels. */
export function visionGraphName(resolution: number): string {
  return `vision-${resolution}.onnx`;
}

/**
 * The form of a graph for WebGPU: of only those operators that every device computes correctly. Quantised models, which run on
 * the CPU only, do not have it.
 */
export function portableName(graph: string): string {
  return graph.replace(/\.onnx$/, '.portable.onnx');
}

/** The generation graph for CUDA, which computes the prefix of the prompts itself; see `PrefixSource`. */
export function cudaName(graph: string): string {
  return graph.replace(/\.onnx$/, '.cuda.onnx');
}

const check = schemaCheck<ModelManifest>(manifestSchema);

/**
 * Reads and checks model.json; null when the folder has none.
 * @throws UserError when it does not match the format of this version of llavahr
 */
export async function readManifest(folder: string): Promise<ModelManifest | null> {
  const path = join(folder, MODEL_FILES.manifest);
  let text: string;
  try {
    text = await readUtf8(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw unreadable(path, error);
  }
  let manifest: unknown;
  try {
    manifest = parseJson(text);
  } catch (error) {
    throw new UserError(`${path} is not JSON (${messageOf(error)}). Export the checkpoint again.`, { cause: error });
  }
  if (!check.fits(manifest)) throw new UserError(`${path}: ${check.problem()}. Export the checkpoint again.`);
  return manifest;
}

/** An exported model at one resolution, ready to run. */
export interface Model {
  folder: string;
  manifest: ModelManifest;
  vision: VisionGraphEntry;
}

/**
 * Opens an exported model.
 * @param resolution in pixels; by default the size it was trained at
 * @throws UserError when the folder is not an exported model or has no graph for that resolution
 */
export async function openModel(folder: string, resolution?: number): Promise<Model> {
  const manifest = await readManifest(folder);
  if (!manifest) throw new UserError(`${folder} is not an exported model: it has no ${MODEL_FILES.manifest}.`);
  if (manifest.graphVersion !== GRAPH_VERSION) {
    throw new UserError(
      `${folder} was exported by another version of llavahr (graphs ${manifest.graphVersion}, needed ${GRAPH_VERSION}). Export the checkpoint again.`,
    );
  }
  const wanted = resolution ?? manifest.architecture.inputImageSize;
  const vision = manifest.resolutions.find((entry) => entry.resolution === wanted);
  if (!vision) {
    const available = manifest.resolutions.map((entry) => entry.resolution).join(', ');
    throw new UserError(
      `${basename(folder)} has no graph for resolution ${wanted}, only for ${available}. ` +
        `Add it with: llavahr export <checkpoint> --resolution ${wanted} --output ${folder}`,
    );
  }
  return { folder, manifest, vision };
}

/** How a model takes images at its resolution. */
export function imageInput({ manifest: { architecture }, vision: { resolution } }: Model): ImageInput {
  const { imageAspect: aspect, tiling } = architecture;
  return { resolution, grid: visionSizes(architecture, resolution).fastGrid, aspect, tiling };
}

/** Prompt tokens of an image of some size. */
export function visualTokensOf(model: Model, size: ImageSize): number {
  const { resolution, grid, tiling } = imageInput(model);
  return tiling === undefined ? model.vision.visualTokens : tileOrder(size, resolution, grid, tiling).length;
}

/** The conversation template a model is asked in unless the user chooses another. */
export function modelConvMode({ manifest }: Model): ConvMode {
  return manifest.convMode ?? OFFICIAL_CONV_MODE;
}

/** One hash for what a model computes: its weights, its architecture and its tokenizer. */
export function modelHash({ weights, architecture, source }: ModelManifest): string {
  const tokenizer = source.files
    .map(({ name, sha256 }) => [basename(name), sha256] as const)
    .filter(([name]) => TOKENIZER_FILES.includes(name));
  const content = { weights: weights.map(({ sha256 }) => sha256), architecture, tokenizer };
  return createHash('sha256').update(canonicalJson(content)).digest('hex');
}
