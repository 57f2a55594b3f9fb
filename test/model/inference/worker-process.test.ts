import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { SAMPLE_MODEL } from '../../../src/evaluation/sample.js';
import { exportModel } from '../../../src/model/export/export-model.js';
import { startWorkerProcess, WorkerEndedError } from '../../../src/model/inference/worker-process.js';
import { openModel } from '../../../src/model/model-folder.js';

const folder = await mkdtemp(join(tmpdir(), 'llavahr-worker-'));
after(() => rm(folder, { recursive: true }));

test('a worker that is frozen is noticed and killed', { skip: process.platform === 'win32' && 'SIGSTOP' }, async () => {
  const output = join(folder, 'model');
  await exportModel(SAMPLE_MODEL, { output, resolutions: [256], precision: 'fp32' });
  const model = await openModel(output);
  const worker = await startWorkerProcess(model, { provider: 'cpu', index: 0 }, 1, 5000);
  process.kill(worker.pid, 'SIGSTOP');
  const batch = { pixels: new Uint8Array(), rows: [], maxNewTokens: 1, timePrefill: false };
  await assert.rejects(worker.run(batch), (error) => {
    assert.ok(error instanceof WorkerEndedError);
    assert.match(error.message, /killed after 5 s without a sign of life/);
    assert.equal(error.outOfMemory, 'no');
    return true;
  });
});
