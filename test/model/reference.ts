import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { keyValueHeadsOf } from '../../src/model/architecture.js';
import { exportModel } from '../../src/model/export/export-model.js';
import { buildGenerateGraph, type PrefixSource } from '../../src/model/export/generate-graph.js';
import { planWeights } from '../../src/model/export/weight-files.js';
import { prepareImage } from '../../src/model/images/prepare-image.js';
import { computePrefix, generateTokens } from '../../src/model/inference/generate-tokens.js';
import { type PromptRow, packPrompts } from '../../src/model/inference/pack-prompts.js';
import { sessionOptions } from '../../src/model/inference/session-options.js';
import type { ModelManifest } from '../../src/model/manifest.js';
import { openModel, portableName, visionGraphName } from '../../src/model/model-folder.js';
import { encodeModel } from '../../src/model/onnx/onnx-proto.js';
import { InferenceSession, Tensor } from '../../src/model/onnxruntime.js';
import { elementType, type Precision } from '../../src/model/precision.js';
import { fixture } from '../fixtures.js';

/** goldens.json of a reference checkpoint: outputs of the official PyTorch code. See test/fixtures/reference/README.md. */
export interface Goldens {
  prompt_texts: string[];
  prompt_ids: number[][];
  entries: GoldenEntry[];
}

export interface GoldenEntry {
  image: string;
  size: number;
  /** Projector output [tokens, hidden], a file beside goldens.json. */
  features?: string;
  /** Last-position logits [prompts, vocabulary], a file. */
  logits: string;
  greedy: { prompt: number; ids: number[]; robust_tokens: number }[];
}

/** Recorded outputs of a reference checkpoint. */
export function readGoldens(name: string): Goldens {
  return JSON.parse(readFileSync(fixture('reference', 'goldens', name, 'goldens.json'), 'utf8')) as Goldens;
}

/** A checkpoint exported to a temporary folder, with sessions that also return logits. */
export interface ReferenceModel {
  folder: string;
  manifest: ModelManifest;
  /** Visual tokens of an image file: [tokens * hidden]. */
  encodeImage(image: string, resolution: number): Promise<Float32Array>;
  /** The same of square images, uint8 [images, resolution, resolution, 3]. */
  encodePixels(pixels: Uint8Array, resolution: number): Promise<Float32Array>;
  /** @param scoreBytes of computePrefix */
  generate(
    rows: PromptRow[],
    visual: Float32Array,
    squareTokens: number,
    maxNewTokens: number,
    scoreBytes?: number,
  ): Promise<Generated>;
}

export interface Generated {
  /** Token ids by row and question, padded with the end of sequence to the loop's length. */
  tokens: number[][][];
  /** Logits at the first step by row and question. */
  firstLogits: Float32Array[][];
}

/** Exports a checkpoint and opens it. @param name folder below test/fixtures/reference, or an absolute path */
export async function exportReference(
  name: string,
  resolutions: number[],
  {
    portable = false,
    prefix = portable ? 'computed' : 'given',
    precision = 'fp32',
  }: { portable?: boolean; prefix?: PrefixSource; precision?: Precision } = {},
): Promise<ReferenceModel> {
  const folder = join(await mkdtemp(join(tmpdir(), 'llavahr-test-')), basename(name));
  const { manifest } = await exportModel(resolve(fixture('reference'), name), {
    output: folder,
    resolutions,
    precision,
  });
  const { language, imageAspect } = manifest.architecture;
  const plan = planWeights(manifest.architecture, precision, manifest.int8Storage ?? 'int8');
  const graph = buildGenerateGraph(language, plan.locations, precision, { portable, prefix, logits: true });
  await writeFile(join(folder, 'generate-logits.onnx'), encodeModel(graph, 'test'));
  const options = await sessionOptions({ provider: 'cpu', index: 0 }, 0);
  const generate = await InferenceSession.create(join(folder, 'generate-logits.onnx'), options);
  const vision = new Map<number, InferenceSession>();
  const graphName = (size: number): string => (portable ? portableName(visionGraphName(size)) : visionGraphName(size));
  const encodePixels: ReferenceModel['encodePixels'] = async (pixels, resolution) => {
    if (!vision.has(resolution)) {
      await openModel(folder, resolution);
      vision.set(resolution, await InferenceSession.create(join(folder, graphName(resolution))));
    }
    const images = pixels.length / (resolution ** 2 * 3);
    const feeds = { pixels: new Tensor('uint8', pixels, [images, resolution, resolution, 3]) };
    return (await vision.get(resolution)!.run(feeds))['visual_tokens']!.data as Float32Array;
  };
  return {
    folder,
    manifest,
    encodePixels,
    async encodeImage(image, resolution) {
      const bytes = await readFile(fixture('reference', 'images', image));
      return encodePixels(await prepareImage(bytes, image, resolution, imageAspect), resolution);
    },
    async generate(rows, visual, squareTokens, maxNewTokens, scoreBytes) {
      const packed = packPrompts(rows, squareTokens, visual.length / language.hiddenSize - 1);
      const sizes = { ...language, keyValueHeads: keyValueHeadsOf(language), float: elementType(precision) };
      const cache = await computePrefix(generate, sizes, packed, visual, scoreBytes);
      const outputs = await generateTokens(generate, sizes, packed, visual, cache, maxNewTokens);
      const tokens = Array.from(outputs['tokens']!.data as BigInt64Array, Number);
      const logits = outputs['logits']!.data as Float32Array;
      const slotOf = (row: number, question: number): number => row * packed.questions + question;
      const stride = packed.rows * packed.questions;
      return {
        tokens: rows.map(({ prompts }, r) =>
          prompts.map((_, q) => tokens.filter((_token, i) => i % stride === slotOf(r, q))),
        ),
        firstLogits: rows.map(({ prompts }, r) =>
          prompts.map((_, q) => {
            const start = slotOf(r, q) * language.vocabSize;
            return logits.slice(start, start + language.vocabSize);
          }),
        ),
      };
    },
  };
}
