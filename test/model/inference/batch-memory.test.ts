import assert from 'node:assert/strict';
import test from 'node:test';
import { plannedModel } from '../../../bench/planned-model.js';
import { batchBytes, weightBytes } from '../../../src/model/inference/batch-memory.js';

/*
 * Peak memory beside mapped files of one image, 49 text and 10 new tokens, in GB, measured in int8 on two cores of a Xeon
 * with AVX-512 VNNI (docs/performance.md).
 */
const MEASURED = [
  ['llava-hr-7b', 384, 'with the arena', 10.0],
  ['llava-hr-7b', 768, 'with the arena', 10.3],
  ['llava-hr-7b', 1024, 'with the arena', 13.1],
  ['llava-hr-7b', 1536, 'with the arena', 17.6],
] as const;

for (const [name, resolution, arena, measured] of MEASURED) {
  test(`the estimated memory of ${name} at ${resolution} px ${arena} is within a tenth of what was measured`, () => {
    const model = plannedModel(name, 'int8', resolution);
    const shape = { rows: 1, length: model.vision.visualTokens + 49, questions: 1 };
    const estimated = (weightBytes(model) + batchBytes(model, shape, 10, arena === 'with the arena')) / 1e9;
    assert.ok(
      Math.abs(estimated / measured - 1) < 0.1,
      `estimated ${estimated.toFixed(1)} GB, measured ${measured} GB`,
    );
  });
}
