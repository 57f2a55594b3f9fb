import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ablationSize, sizesBeside } from '../../src/evaluation/ablation-plan.js';
import { LLAVA_15_7B, LLAVA_HR_7B } from '../model/checkpoint/published-architectures.js';

test('the sizes of the paper have its pathways and visual tokens', () => {
  const rows = [384, 768, 1024, 1536].map((resolution) => ablationSize(LLAVA_HR_7B, resolution));
  assert.deepEqual(
    rows.map(({ lowResolution, visualTokens }) => [lowResolution, visualTokens]),
    [
      [336, 576],
      [336, 576],
      [448, 1024],
      [672, 2304],
    ],
  );
  assert.deepEqual(
    rows.map(({ isTrainedSize }) => isTrainedSize),
    [false, false, true, false],
  );
  assert.deepEqual(ablationSize(LLAVA_15_7B, 1022), {
    resolution: 1022,
    lowResolution: null,
    visualTokens: 5329,
    trainedResolution: 336,
    isTrainedSize: false,
  });
});

test("LLaVA-1.5 runs at its own size and at multiples of its patch size up to LLaVA-HR's sizes", () => {
  assert.deepEqual(sizesBeside(LLAVA_15_7B, [384, 768, 1024, 1536]), [336, 378, 756, 1022, 1526]);
  assert.deepEqual(sizesBeside(LLAVA_15_7B, [320]), [336], 'never below its own');
  assert.deepEqual(sizesBeside(LLAVA_HR_7B, [336, 1022]), [320, 992, 1024]);
});
