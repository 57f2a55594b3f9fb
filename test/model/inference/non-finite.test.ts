import assert from 'node:assert/strict';
import { mkdtemp, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { randomCheckpoint } from '../../../src/model/checkpoint/random-checkpoint.js';
import { exportCheckpoint } from '../../../src/model/export/export-model.js';
import { planWeights } from '../../../src/model/export/weight-files.js';
import { startInference } from '../../../src/model/inference/inference.js';
import type { BatchResult } from '../../../src/model/inference/protocol.js';
import { openModel } from '../../../src/model/model-folder.js';
import { IMAGE_TOKEN } from '../../../src/model/prompt.js';
import { SMALL_HR } from '../small-architecture.js';

/** Bit patterns of float32 and float16. */
const NAN = { fp32: 0x7fc00000, fp16: 0x7e00, int8: 0x7fc00000 };
const INFINITY = { fp32: 0x7f800000, fp16: 0x7c00, int8: 0x7f800000 };

/**
 * Asks two questions of a small random model, after the first values of one of its tensors were overwritten in the exported
 * file: an export refuses such a checkpoint.
 */
async function ask(
  tensor: string | null,
  bits = NAN,
  precision: 'fp32' | 'fp16' | 'int8' = 'fp32',
): Promise<BatchResult> {
  const folder = join(await mkdtemp(join(tmpdir(), 'llavahr-test-')), 'model');
  const source = [{ name: 'recipe', bytes: 1, modifiedMs: 0, sha256: '0'.repeat(64) }];
  await exportCheckpoint(randomCheckpoint(SMALL_HR), source, { output: folder, resolutions: [], precision });
  if (tensor !== null) {
    const { file, offset } = planWeights(SMALL_HR, precision, 'int8').locations.get(tensor)!;
    const handle = await open(join(folder, file), 'r+');
    const pattern = Array.from({ length: 4 }, () => bits[precision]);
    const values = precision !== 'fp16' ? Uint32Array.from(pattern) : Uint16Array.from(pattern);
    await handle.write(new Uint8Array(values.buffer), 0, values.byteLength, offset);
    await handle.close();
  }
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
  assert.deepEqual((await ask(null)).finite, [[true, true]]);
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

// Integers have no NaN: the row's scale must carry it.
test('NaN and infinity in front of an int8 layer are noticed', async () => {
  for (const bits of [NAN, INFINITY]) {
    assert.deepEqual((await ask('model.mm_projector.0.bias', bits, 'int8')).finite, [[false, false]]);
    assert.deepEqual((await ask('model.layers.1.input_layernorm.weight', bits, 'int8')).finite, [[false, false]]);
  }
});
