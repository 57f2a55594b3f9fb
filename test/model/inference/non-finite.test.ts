import assert from 'node:assert/strict';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { randomCheckpoint } from '../../../src/model/checkpoint/random-checkpoint.js';
import { exportCheckpoint } from '../../../src/model/export/export-model.js';
import { startInference } from '../../../src/model/inference/inference.js';
import type { BatchResult } from '../../../src/model/inference/protocol.js';
import { openModel } from '../../../src/model/model-folder.js';
import type { Precision } from '../../../src/model/precision.js';
import { IMAGE_TOKEN } from '../../../src/model/prompt.js';
import { SMALL_HR } from '../small-architecture.js';

/** bfloat16 patterns. */
const NAN = 0x7fc0;
const INFINITY = 0x7f80;

/** Asks two questions of a small random model, after `spoil` changed the first values of one of its tensors. */
async function ask(tensor: string, bits: number, precision: Precision = 'fp32'): Promise<BatchResult> {
  const whole = randomCheckpoint(SMALL_HR);
  const checkpoint = {
    ...whole,
    async read(name: string) {
      const bytes = await whole.read(name);
      if (name === tensor) new Uint16Array(bytes.buffer).fill(bits, 0, 4);
      return bytes;
    },
  };
  const folder = join(await mkdtemp(join(tmpdir(), 'llavahr-test-')), 'model');
  const source = [{ name: 'recipe', bytes: 1, modifiedMs: 0, sha256: '0'.repeat(64) }];
  await exportCheckpoint(checkpoint, source, { output: folder, resolutions: [], precision });
  const inference = await startInference(await openModel(folder), { provider: 'cpu', index: 0 });
  const prompts = [
    [1, 5, IMAGE_TOKEN, 7, 8],
    [1, 5, IMAGE_TOKEN, 9],
  ];
  const pixels = new Uint8Array(256 * 256 * 3).fill(90);
  const batch = { pixels, rows: [{ image: 0, prompts }], maxNewTokens: 3, timePrefill: false };
  return inference.run(batch).finally(inference.close);
}

test('logits of a sound model are finite', async () => {
  assert.deepEqual((await ask('', 0)).finite, [[true, true]]);
});

for (const [what, bits] of [
  ['NaN', NAN],
  ['infinity', INFINITY],
] as const) {
  test(`one ${what} in the LM head makes every question's logits not finite, whichever token is chosen`, async () => {
    assert.deepEqual((await ask('lm_head.weight', bits)).finite, [[false, false]]);
  });
}

test('NaN in the vision tower and fp16 are noticed as well', async () => {
  assert.deepEqual((await ask('model.mm_projector.2.bias', NAN)).finite, [[false, false]]);
  assert.deepEqual((await ask('lm_head.weight', INFINITY, 'fp16')).finite, [[false, false]]);
});
