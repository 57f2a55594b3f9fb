import assert from 'node:assert/strict';
import test from 'node:test';
import type { Architecture } from '../../../src/model/architecture.js';
import { requiredTensors } from '../../../src/model/checkpoint/required-tensors.js';
import { LLAVA_15_7B, LLAVA_HR_7B, LLAVA_HR_13B_X } from './published-architectures.js';

/** Number of parameters, in billions, of the tensors whose names match. */
function billions(architecture: Architecture, pattern: RegExp): number {
  let count = 0;
  for (const [name, shape] of requiredTensors(architecture)) {
    if (pattern.test(name)) count += shape.reduce((product, side) => product * side, 1);
  }
  return count / 1e9;
}

function within(value: number, low: number, high: number): void {
  assert.ok(value >= low && value <= high, `${value} is not between ${low} and ${high}`);
}

test('matches the published file sizes', () => {
  // favor123/llava-hr-13b-x-sft-1024: 9.95 + 9.9 + 8.64 GB of BF16
  within(2 * billions(LLAVA_HR_13B_X, /./), 28.4, 28.6);
  // liuhaotian/llava-v1.5-7b: 9.98 + 3.54 GB of FP16, without the CLIP tower
  within(2 * billions(LLAVA_15_7B, /^(?!model\.vision_tower)/), 13.5, 13.54);
});

test('matches the published parameter counts of the slow towers', () => {
  // timm's model cards include the head: norm and classes, and in large_mlp a layer before them
  const norm = (size: number) => 2 * size;
  const linear = (inputs: number, outputs: number) => (inputs + 1) * outputs;
  const large = norm(1536) + linear(1536, 1536) + linear(1536, 1000); // ..._mlp.clip_laion2b_soup_ft_in12k_in1k_320
  const xxlarge = norm(3072) + linear(3072, 11821); // convnext_xxlarge.clip_laion2b_soup_ft_in12k
  within(billions(LLAVA_HR_7B, /slow_vision_tower/) + large / 1e9, 0.20005, 0.20015);
  within(billions(LLAVA_HR_13B_X, /slow_vision_tower/) + xxlarge / 1e9, 0.87965, 0.87975);
});

test('layers that are not run are not required', () => {
  const names = [...requiredTensors(LLAVA_15_7B).keys()];
  assert.ok(names.some((name) => name.includes('encoder.layers.22.')));
  assert.ok(!names.some((name) => name.includes('encoder.layers.23.')));
});

test('a tower trained frozen has no stage adapters', () => {
  const names = [...requiredTensors({ ...LLAVA_HR_7B, stageAdapters: false }).keys()];
  assert.ok(!names.some((name) => name.includes('align_stages_latent')));
  assert.ok(names.includes('model.vision_tower.align_stages.0.slow_proj.weight'));
});
