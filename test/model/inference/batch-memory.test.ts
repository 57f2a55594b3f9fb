import assert from 'node:assert/strict';
import test from 'node:test';
import { plannedModel } from '../../../bench/planned-model.js';
import { batchBytes, weightBytes } from '../../../src/model/inference/batch-memory.js';

/*
 * Peak memory beside mapped files of one image, 49 text and 10 new tokens, in GB by input size, measured in int8 on two
 * cores of a Xeon with AVX-512 VNNI (docs/performance.md).
 */
const MEASURED = [
  [384, 10.0],
  [768, 10.3],
  [1024, 13.1],
  [1536, 17.6],
] as const;

for (const [resolution, measured] of MEASURED) {
  test(`the estimated memory of llava-hr-7b at ${resolution} px is within a tenth of what was measured`, () => {
    const model = plannedModel('llava-hr-7b', 'int8', resolution);
    const shape = { rows: 1, length: model.vision.visualTokens + 49, questions: 1 };
    const estimated = (weightBytes(model) + batchBytes(model, shape, 10)) / 1e9;
    assert.ok(
      Math.abs(estimated / measured - 1) < 0.1,
      `estimated ${estimated.toFixed(1)} GB, measured ${measured} GB`,
    );
  });
}
