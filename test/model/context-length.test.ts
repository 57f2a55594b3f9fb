import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contextLength, decoderPositions, fitsDecoder } from '../../src/model/context-length.js';
import { LLAVA_15_7B } from './checkpoint/published-architectures.js';

const LIMITED = { ...LLAVA_15_7B, language: { ...LLAVA_15_7B.language, maxPositions: 2048 } };

test('the context grows with the visual tokens of sizes above the trained one, and never shrinks', () => {
  assert.equal(contextLength(LIMITED, 576), 2048);
  assert.equal(contextLength(LIMITED, 64), 2048);
  assert.equal(contextLength(LIMITED, 5329), 2048 + 5329 - 576, '1022 px');
});

test('a decoder has positions for LLaVA-1.5 at 1,792 px and says when a size is beyond them', () => {
  assert.equal(decoderPositions(LIMITED.language), 20480);
  assert.equal(decoderPositions({ ...LIMITED.language, maxPositions: 32768 }), 32768 + 2048);
  assert.ok(fitsDecoder(LIMITED, (1792 / 14) ** 2));
  assert.ok(!fitsDecoder(LIMITED, (1904 / 14) ** 2));
});
