import assert from 'node:assert/strict';
import test from 'node:test';
import { requiredTensors } from '../../src/model/checkpoint/required-tensors.js';
import { visionSizes } from '../../src/model/export/vision-sizes.js';
import { RELEASED_ARCHITECTURES, type ReleasedModel } from '../../src/model/released-architectures.js';

/** Bytes in 16 bits of the tensors whose names match. */
function bytes(model: ReleasedModel, names: RegExp): number {
  const shapes = [...requiredTensors(RELEASED_ARCHITECTURES[model])].filter(([name]) => names.test(name));
  return shapes.reduce((sum, [, shape]) => sum + 2 * shape.reduce((product, size) => product * size, 1), 0);
}

test('the dimensions add up to the sizes of the released files', () => {
  // liuhaotian/llava-v1.5-7b: 9.98 + 3.54 GB, without the CLIP tower
  const llava15 = bytes('llava-1.5-7b', /^(?!model\.vision_tower)/);
  assert.equal((llava15 / 1e9).toFixed(2), '13.52');
  // favor123/llava-hr-13b-x-sft-1024: 9.95 + 9.9 + 8.64 GB, the ConvNeXt's head and such included
  const hr13bX = bytes('llava-hr-13b-x', /./);
  assert.ok(Math.abs(hr13bX / 1e9 - 28.49) < 0.1, `${hr13bX / 1e9} GB`);
});

test('visual tokens are those of the paper', () => {
  const tokens = (model: ReleasedModel, resolution: number): number =>
    visionSizes(RELEASED_ARCHITECTURES[model], resolution).visualTokens;
  assert.equal(tokens('llava-hr-7b', 1024), 1024);
  assert.equal(tokens('llava-hr-13b-x', 1536), 2304);
  assert.equal(tokens('llava-1.5-7b', 336), 576);
  assert.equal(tokens('llava-1.5-7b', 1022), 5329);
});
