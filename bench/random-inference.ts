import { join } from 'node:path';
import { openRandomModel } from '../src/evaluation/random-model.js';
import type { Architecture } from '../src/model/architecture.js';
import { type Inference, startInference } from '../src/model/inference/inference.js';
import type { Precision } from '../src/model/precision.js';

/** Loads a model of random weights, written to a folder in `folder`, on all cores. */
export async function randomInference(
  folder: string,
  architecture: Architecture,
  precision: Precision,
): Promise<Inference> {
  const model = await openRandomModel({ name: 'random', architecture, precision, folder: join(folder, precision) });
  return startInference(model, { provider: 'cpu', index: 0 });
}
