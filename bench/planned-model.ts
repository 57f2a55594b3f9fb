import { visionSizes } from '../src/model/export/vision-sizes.js';
import { planWeights } from '../src/model/export/weight-files.js';
import type { Model } from '../src/model/model-folder.js';
import type { Precision } from '../src/model/precision.js';
import { RELEASED_ARCHITECTURES, type ReleasedModel } from '../src/model/released-architectures.js';

/**
 * A released model without weights, for planning.
 * @param resolution side of the input in pixels (default: the training size)
 */
export function plannedModel(name: ReleasedModel, precision: Precision, resolution?: number): Model {
  const architecture = RELEASED_ARCHITECTURES[name];
  const { files } = planWeights(architecture, precision, 'int8');
  const side = resolution ?? architecture.inputImageSize;
  const vision = { resolution: side, visualTokens: visionSizes(architecture, side).visualTokens, graph: '' };
  const weights = [...files].map(([file, bytes]) => ({ name: file, bytes, sha256: '' }));
  return {
    folder: '',
    vision,
    manifest: {
      schemaVersion: 1,
      name,
      architecture,
      precision,
      graphVersion: 0,
      resolutions: [vision],
      weights,
      source: { layout: 'planned', files: [] },
    },
  };
}
