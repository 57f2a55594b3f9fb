import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { batchLimits, rememberLimit } from '../../src/evaluation/batch-limits.js';
import type { ModelSession } from '../../src/evaluation/model-session.js';
import { exportModel } from '../../src/model/export/export-model.js';
import { fitsWithArena, weightBytes } from '../../src/model/inference/batch-memory.js';
import { openModel } from '../../src/model/model-folder.js';
import { fixture } from '../fixtures.js';

const folder = await mkdtemp(join(tmpdir(), 'llavahr-limits-'));
process.env['LLAVAHR_CACHE'] = join(folder, 'cache');
after(() => rm(folder, { recursive: true }));

const output = join(folder, 'model');
await exportModel(fixture('reference', 'hr-mini'), { output, resolutions: [256, 512], precision: 'fp32' });

/** As much of a session as limits depend on. */
async function session(resolution: number): Promise<ModelSession> {
  const needed = { model: await openModel(output, resolution), devices: [{ provider: 'cpu', index: 0 }] } as const;
  return { ...needed, isLoaded: () => true } as unknown as ModelSession;
}

test('auto is bounded by free memory and by what fitted at the same resolution; a number bounds only the rows', async () => {
  const fresh = await batchLimits(await session(256), 'auto', 16);
  assert.ok(fresh.bytes > 0 && fresh.bytes < Number.POSITIVE_INFINITY);
  assert.ok(fresh.tokens > 0 && fresh.rows > 1);

  await rememberLimit(await session(256), 12345.6);
  assert.equal((await batchLimits(await session(256), 'auto', 16)).bytes, 12345);
  assert.ok((await batchLimits(await session(512), 'auto', 16)).bytes > 12345);

  const { rows, tokens, bytes } = await batchLimits(await session(256), 5, 16);
  assert.deepEqual([rows, tokens, bytes], [5, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]);

  await writeFile(join(folder, 'cache', 'batch-limits.json'), 'damaged');
  assert.ok((await batchLimits(await session(256), 'auto', 16)).bytes > 12345, 'a damaged file is as good as none');
});

test('estimated memory grows with rows, questions, tokens and pixels', async () => {
  const { bytesOf } = await batchLimits(await session(256), 'auto', 16);
  const shape = { rows: 2, length: 600, questions: 4 };
  const bytes = bytesOf(shape);
  for (const more of [{ rows: 3 }, { length: 900 }, { questions: 8 }]) {
    assert.ok(bytesOf({ ...shape, ...more }) > bytes, JSON.stringify(more));
  }
  const long = await batchLimits(await session(256), 'auto', 1024);
  assert.ok(long.bytesOf(shape) > bytes);
  const larger = await batchLimits(await session(512), 'auto', 16);
  assert.ok(larger.bytesOf({ rows: 8, length: 60, questions: 1 }) > bytesOf({ rows: 8, length: 60, questions: 1 }));
});

test('the arena is used only for models that fit with it', async () => {
  const { model } = await session(256);
  const [few, many] = [weightBytes(model), 100 * weightBytes(model)];
  assert.deepEqual([fitsWithArena(model, few), fitsWithArena(model, many)], [false, true]);
});
