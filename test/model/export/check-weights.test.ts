import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import type { Checkpoint } from '../../../src/model/checkpoint/checkpoint.js';
import { randomCheckpoint } from '../../../src/model/checkpoint/random-checkpoint.js';
import { findWeightProblem, WeightError } from '../../../src/model/export/check-weights.js';
import { exportCheckpoint } from '../../../src/model/export/export-model.js';
import type { Precision } from '../../../src/model/precision.js';
import { SMALL_HR } from '../small-architecture.js';

const bytesOf = (array: Float32Array | Uint16Array) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

test('finds non-finite values in every element type, and values that overflow float16', () => {
  const f32 = (...values: number[]) => bytesOf(Float32Array.from(values));
  const u16 = (...values: number[]) => bytesOf(Uint16Array.from(values));
  assert.equal(findWeightProblem(f32(1, -65519, 0), 'F32', true), undefined);
  assert.deepEqual(findWeightProblem(f32(1, -65520), 'F32', true), { kind: 'float16-overflow', value: 65520 });
  assert.equal(findWeightProblem(f32(1, -65520), 'F32', false), undefined);
  assert.deepEqual(findWeightProblem(f32(Number.NaN, 1e9), 'F32', true), { kind: 'not-finite', value: Number.NaN });
  assert.deepEqual(findWeightProblem(f32(-Number.POSITIVE_INFINITY), 'F32', false)?.kind, 'not-finite');
  assert.equal(findWeightProblem(u16(0x7bff, 0xfbff), 'F16', true), undefined); // 65504
  assert.equal(findWeightProblem(u16(0xfc00), 'F16', true)?.value, Number.POSITIVE_INFINITY);
  assert.deepEqual(findWeightProblem(u16(0x7e00), 'F16', false), { kind: 'not-finite', value: Number.NaN });
  assert.equal(findWeightProblem(u16(0x477f), 'BF16', true), undefined); // 65280
  assert.deepEqual(findWeightProblem(u16(0xc780), 'BF16', true), { kind: 'float16-overflow', value: 65536 });
  assert.deepEqual(findWeightProblem(u16(0xff81), 'BF16', false), { kind: 'not-finite', value: Number.NaN });
  assert.equal(findWeightProblem(f32(), 'F32', true), undefined);
});

/** A small random checkpoint (BF16) in which the first element of some tensors has these bits. */
function broken(bits: Record<string, number>): Checkpoint {
  const checkpoint = randomCheckpoint(SMALL_HR);
  return {
    ...checkpoint,
    async read(name) {
      const bytes = await checkpoint.read(name);
      const changed = bits[name];
      if (changed !== undefined) new DataView(bytes.buffer).setUint16(0, changed, true);
      return bytes;
    },
  };
}

async function refused(t: TestContext, bits: Record<string, number>, precision: Precision): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'llavahr-weights-'));
  t.after(() => rm(folder, { recursive: true }));
  let message = '';
  const exported = exportCheckpoint(broken(bits), [], { output: join(folder, 'model'), resolutions: [], precision });
  await assert.rejects(exported, (error) => {
    assert.ok(error instanceof WeightError, String(error));
    message = error.message;
    return true;
  });
  assert.deepEqual(await readdir(folder), [], 'nothing is left on the disk');
  return message;
}

const POSITIONS = 'model.vision_tower.fast_vision_tower.vision_tower.vision_model.embeddings.position_embedding.weight';

test('an export names every tensor that is not finite, in every precision', async (t) => {
  const bits = { 'model.layers.1.mlp.up_proj.weight': 0x7fc0, 'lm_head.weight': 0xff80 };
  for (const precision of ['fp32', 'fp16', 'int8', 'int4'] as const) {
    assert.match(
      await refused(t, bits, precision),
      /2 tensors have elements that are NaN or infinite: model\.layers\.1\.mlp\.up_proj\.weight \(NaN\), lm_head\.weight \(Infinity\)/,
    );
  }
  assert.match(await refused(t, { [POSITIONS]: 0x7f80 }, 'fp32'), /position_embedding\.weight \(Infinity\)/);
});

test('an export in fp16 names every tensor that overflows, and what helps', async (t) => {
  const bits = { 'model.layers.0.mlp.up_proj.weight': 0x4974, 'model.norm.weight': 0x4780 };
  assert.match(
    await refused(t, bits, 'fp16'),
    /2 tensors have elements that are too large for float16 .*: model\.layers\.0\.mlp\.up_proj\.weight \(up to 9\.99e\+5\), model\.norm\.weight .* Use --precision fp32/,
  );
});
