import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Architecture } from '../model/architecture.js';
import { RANDOM_WEIGHTS_VERSION, randomCheckpoint } from '../model/checkpoint/random-checkpoint.js';
import { exportCheckpoint } from '../model/export/export-model.js';
import { planWeights } from '../model/export/weight-files.js';
import { MODEL_FILES, type Model, openModel } from '../model/model-folder.js';
import { DEFAULT_PRECISION, type Precision } from '../model/precision.js';
import { byteSize } from '../shared/byte-size.js';
import { cacheFolder } from '../shared/cache-folder.js';
import { messageStream, say } from '../shared/log.js';
import { startByteProgress } from '../terminal/byte-progress.js';
import { warnSlowInt8 } from './warn-slow-int8.js';

/** A model with random weights. */
export interface RandomModelChoice {
  /** Name of the architecture. */
  name: string;
  architecture: Architecture;
  /** Default: fp32. */
  precision?: Precision;
  /** Side of the square input in pixels (default: the training size). */
  resolution?: number;
  /** Folder of the exported model (default: a folder in the cache). */
  folder?: string;
}

/**
 * Opens a full-size model with random weights: as fast as the real one, with meaningless answers and no tokenizer. It is
 * written on first use, after its size is announced on stderr, and then kept; an interrupted write is resumed.
 * @throws UserError if the disk is too small
 */
export async function openRandomModel(choice: RandomModelChoice): Promise<Model> {
  const { name, architecture, precision = DEFAULT_PRECISION, resolution } = choice;
  const output = choice.folder ?? join(cacheFolder(), 'models', `random-${name}-${precision}`);
  if (!existsSync(join(output, MODEL_FILES.manifest))) {
    // Levels of either type take as many bytes.
    const bytes = [...planWeights(architecture, precision, 'int8').files.values()].reduce((sum, size) => sum + size, 0);
    say('warn', `Writing ${byteSize(bytes)} of random weights (only once): ${name} in ${precision}, to ${output}`);
  }
  const recipe = JSON.stringify([RANDOM_WEIGHTS_VERSION, architecture]);
  const sha256 = createHash('sha256').update(recipe).digest('hex');
  const progress = startByteProgress(messageStream());
  await exportCheckpoint(
    randomCheckpoint(architecture),
    [{ name: 'random weights', bytes: recipe.length, modifiedMs: 0, sha256 }],
    {
      output,
      resolutions: resolution === undefined ? [] : [resolution],
      precision,
      name: `${name} (random)`,
      replace: true,
      onProgress: progress.update,
      onWait: (message) => say('info', message),
    },
  ).finally(progress.stop);
  const model = await openModel(output, resolution);
  await warnSlowInt8(model);
  return model;
}

/** Whether a model's weights are random. */
export function isRandomModel({ manifest }: Model): boolean {
  return manifest.source.layout === 'random';
}
