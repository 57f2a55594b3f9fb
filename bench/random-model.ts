import { mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Architecture } from '../src/model/architecture.js';
import { buildGenerateGraph } from '../src/model/export/generate-graph.js';
import { buildVisionGraph } from '../src/model/export/vision-graph.js';
import { visionSizes } from '../src/model/export/vision-sizes.js';
import { planWeights } from '../src/model/export/weight-files.js';
import { GRAPH_VERSION, MODEL_FILES, type Model, visionGraphName } from '../src/model/model-folder.js';
import { encodeModel } from '../src/model/onnx/onnx-proto.js';

/** Elements drawn once and repeated: the values do not matter to speed, but all zeros or denormals would. */
const PATTERN = Float32Array.from({ length: 1 << 20 }, (_, i) => 0.02 * Math.sin(i * 12.9898));

/** Writes a model of the given dimensions with made-up weights in fp32, ready to be run. */
export async function writeRandomModel(folder: string, architecture: Architecture, resolution: number): Promise<Model> {
  await mkdir(folder, { recursive: true });
  const plan = planWeights(architecture, 'fp32');
  const pattern = new Uint8Array(PATTERN.buffer);
  for (const [name, bytes] of plan.files) {
    const file = await open(join(folder, name), 'w');
    for (let at = 0; at < bytes; at += pattern.length) {
      await file.write(pattern, 0, Math.min(pattern.length, bytes - at), at);
    }
    await file.close();
  }
  const { clip } = architecture;
  const table = new Float32Array(((clip.imageSize / clip.patchSize) ** 2 + 1) * clip.hiddenSize);
  const sizes = visionSizes(architecture, resolution);
  const vision = buildVisionGraph(architecture, sizes, plan.locations, table, 'fp32', { portable: false });
  await writeFile(join(folder, visionGraphName(resolution)), encodeModel(vision, 'bench'));
  const generate = buildGenerateGraph(architecture.language, plan.locations, 'fp32', {
    portable: false,
    logits: false,
  });
  await writeFile(join(folder, MODEL_FILES.generate), encodeModel(generate, 'bench'));
  const entry = { resolution, visualTokens: sizes.visualTokens, graph: visionGraphName(resolution) };
  return {
    folder,
    vision: entry,
    manifest: {
      schemaVersion: 1,
      name: 'random',
      architecture,
      precision: 'fp32',
      graphVersion: GRAPH_VERSION,
      resolutions: [entry],
      weights: [],
      source: { layout: 'random', files: [] },
    },
  };
}
