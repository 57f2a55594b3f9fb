import assert from 'node:assert/strict';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { exportModel } from '../../src/model/export/export-model.js';
import { exportedModels } from '../../src/model/exported-models.js';
import { fixture } from '../fixtures.js';

test('hashing finds an exported model intact, and a flipped bit in its weights', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'llavahr-models-'));
  try {
    for (const precision of ['fp32', 'int8'] as const) {
      const output = join(folder, precision);
      await exportModel(fixture('reference', 'hr-mini'), { output, resolutions: [128], precision });
    }
    const problems = async (verify: boolean): Promise<(string | null)[]> =>
      (await exportedModels(folder, verify)).map(({ problem }) => problem);
    assert.deepEqual(await problems(true), [null, null]);

    const weights = await open(join(folder, 'int8', 'language.weights'), 'r+');
    const { buffer } = await weights.read(Buffer.alloc(1), 0, 1, 0);
    await weights.write(Buffer.from([buffer[0]! ^ 1]), 0, 1, 0);
    await weights.close();
    assert.deepEqual(await problems(false), [null, null], 'its size is right');
    assert.deepEqual(await problems(true), [null, 'language.weights is damaged: delete the folder']);
  } finally {
    await rm(folder, { recursive: true });
  }
});
