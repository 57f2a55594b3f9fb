import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../shared/errors.js';
import { hashWeights, isLaidOutAs, planWeights } from './export/weight-files.js';
import type { ModelManifest } from './manifest.js';
import { GRAPH_VERSION, MODEL_FILES, readManifest } from './model-folder.js';

/** An exported model in a folder of models. */
export interface ExportedModel {
  name: string;
  precision: string;
  resolutions: number[];
  folder: string;
  /** What is wrong and how to fix it; null if nothing is. */
  problem: string | null;
  /** Exported by another version of llavahr; it is exported again when needed. */
  outdated: boolean;
}

/**
 * Lists the models in a folder of models, with their problems.
 * @param verify hash weight files instead of trusting their sizes
 */
export async function exportedModels(folder: string, verify: boolean): Promise<ExportedModel[]> {
  const names = await readdir(folder).catch(() => [] as string[]);
  const models: ExportedModel[] = [];
  for (const name of names.filter((one) => existsSync(join(folder, one, MODEL_FILES.manifest)))) {
    const path = join(folder, name);
    try {
      const manifest = await readManifest(path);
      if (!manifest) continue;
      models.push({
        ...{ name: manifest.name, precision: manifest.precision, folder: path },
        resolutions: manifest.resolutions.map(({ resolution }) => resolution),
        problem: await problemOf(path, manifest, verify),
        outdated: manifest.graphVersion !== GRAPH_VERSION,
      });
    } catch (error) {
      models.push({ name, precision: '-', resolutions: [], folder: path, problem: messageOf(error), outdated: false });
    }
  }
  return models;
}

async function problemOf(folder: string, manifest: ModelManifest, verify: boolean): Promise<string | null> {
  const graphs = [MODEL_FILES.generate, ...manifest.resolutions.map(({ graph }) => graph)];
  const missing = graphs.filter((name) => !existsSync(join(folder, name)));
  if (missing.length > 0) return `${missing.join(', ')} missing: delete the folder`;
  const plan = verify ? planWeights(manifest.architecture, manifest.precision, manifest.int8Storage ?? 'int8') : null;
  // An export of another version may have its tensors in other places, and is replaced before it is used.
  const isHashed = plan !== null && isLaidOutAs(plan, manifest.weights);
  for (const { name, bytes, sha256 } of manifest.weights) {
    const status = await stat(join(folder, name)).catch(() => null);
    if (status === null) return `${name} missing: delete the folder`;
    if (status.size !== bytes) return `${name} has ${status.size} bytes, not ${bytes}: delete the folder`;
    if (isHashed && (await hashWeights(plan, folder, name)) !== sha256) return `${name} is damaged: delete the folder`;
  }
  return null;
}
