import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { defaultModelFolder } from '../cache-folder.js';
import { usageError } from '../errors.js';
import { type ExportOptions, exportModel } from '../model/export/export-model.js';
import type { Precision } from '../model/export/layers.js';
import { MODEL_FILES, type Model, openModel } from '../model/model-folder.js';

export interface ModelChoice {
  /** Folder of an exported model or of a checkpoint. */
  folder: string;
  resolution?: number;
  /** Of the export when `folder` is a checkpoint. */
  precision: Precision;
  clipTower?: string;
  /** What the model is called; the folder's name by default. */
  name?: string;
}

/**
 * Opens an exported model, or exports a checkpoint into the cache first (nothing is done when it is there already).
 * @throws UserError when the folder is neither
 */
export async function resolveModel(choice: ModelChoice, onProgress: ExportOptions['onProgress']): Promise<Model> {
  const { folder, resolution, precision, clipTower, name } = choice;
  if (existsSync(join(folder, MODEL_FILES.manifest))) return openModel(folder, resolution);
  if (!existsSync(join(folder, 'config.json'))) {
    const problem = existsSync(folder)
      ? 'holds neither an exported model (model.json) nor a checkpoint (config.json)'
      : 'does not exist';
    throw usageError(`--model ${folder} ${problem}.`);
  }
  const output = await defaultModelFolder(folder, precision, name);
  const resolutions = resolution === undefined ? [] : [resolution];
  await exportModel(folder, { output, resolutions, precision, clipTower, name, replace: true, onProgress });
  return openModel(output, resolution);
}
