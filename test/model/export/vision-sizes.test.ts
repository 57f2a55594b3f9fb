import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import type { Architecture } from '../../../src/model/architecture.js';
import { visionSizes } from '../../../src/model/export/vision-sizes.js';
import { fixture } from '../../fixtures.js';

function architecture(family: Architecture['family'], imageSize: number): Architecture {
  const clip = { patchSize: 14, imageSize } as Architecture['clip'];
  return { family, clip } as Architecture;
}

test('LLaVA-HR accepts the same sizes as the official code and gives the same token counts', () => {
  const path = fixture('reference', 'goldens', 'hr-mini', 'accepted_input_sizes.json');
  const official = JSON.parse(readFileSync(path, 'utf8')) as Record<string, number | string>;
  for (const [size, tokens] of Object.entries(official)) {
    const ours = () => visionSizes(architecture('llava-hr', 112), Number(size)).visualTokens;
    if (typeof tokens === 'number') assert.equal(ours(), tokens, `size ${size}`);
    else assert.throws(ours, /multiple of the first/, `size ${size}`);
  }
});

test('the published LLaVA-HR sizes', () => {
  const tokens = (size: number) => {
    const { squareTokens, ...sizes } = visionSizes(architecture('llava-hr', 336), size);
    assert.equal(squareTokens, sizes.visualTokens);
    return sizes;
  };
  assert.deepEqual(tokens(1024), { resolution: 1024, fastSize: 448, fastGrid: 32, visualTokens: 1024 });
  assert.deepEqual(tokens(384), { resolution: 384, fastSize: 336, fastGrid: 24, visualTokens: 576 });
  assert.deepEqual(tokens(1536), { resolution: 1536, fastSize: 672, fastGrid: 48, visualTokens: 2304 });
  for (const size of [448, 512, 640, 672]) assert.throws(() => tokens(size), /multiple of 32 from 768/);
});

test('LLaVA-1.5 accepts multiples of its patch size and suggests the nearest', () => {
  const sizes = (size: number) => visionSizes(architecture('llava-1.5', 336), size);
  assert.equal(sizes(336).visualTokens, 576);
  assert.equal(sizes(1022).visualTokens, 5329);
  assert.throws(() => sizes(1024), /multiples of the patch size 14, got 1024; try 1022 or 1036/);
});
