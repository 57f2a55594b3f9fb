import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { latencyFile, openBatchTimings } from '../../../src/results/runs/latency.js';
import { loadRun } from '../../../src/results/runs/load-run.js';
import { metricsFile } from '../../../src/results/runs/metrics.js';
import { runFile } from '../../../src/results/runs/run-record.js';
import { UserError } from '../../../src/shared/errors.js';
import { runResult, temporaryFolder } from '../samples.js';

async function finishedRun(t: TestContext) {
  const folder = await temporaryFolder(t);
  const result = { ...runResult(), folder };
  await runFile.write(folder, result.record);
  await metricsFile.write(folder, result.metrics);
  await latencyFile.write(folder, result.latency);
  return { folder, result };
}

test('a finished run is read back as written', async (t) => {
  const { folder, result } = await finishedRun(t);
  assert.deepEqual(await loadRun(folder), result);
});

test('without latency.json, times are summed up from the batches', async (t) => {
  const { folder, result } = await finishedRun(t);
  await rm(join(folder, 'latency.json'));
  await assert.rejects(loadRun(folder), /batches\.jsonl cannot be opened: there is no such file/);
  await (await openBatchTimings(join(folder, 'batches.jsonl'))).close();
  assert.deepEqual(await loadRun(folder), result);
});

test('errors name the missing file', async (t) => {
  const { folder, result } = await finishedRun(t);
  const rejected = (message: RegExp) =>
    assert.rejects(loadRun(folder), (error) => error instanceof UserError && message.test(error.message));
  await metricsFile.write(folder, { ...result.metrics, headline: 'constructor' });
  await rejected(/metrics\.json has no score "constructor"/);
  await rm(join(folder, 'metrics.json'));
  await rejected(/has no metrics\.json\. Rerun the eval command of the run, which makes it from the answers/);
  for (const state of ['running', 'interrupted'] as const) {
    await runFile.write(folder, { ...result.record, state });
    await rejected(/is not finished\. Rerun its eval command/);
  }
  await rm(join(folder, 'run.json'));
  await rejected(/is not a run folder: it has no run\.json/);
});

test('a folder that does not exist is not a run folder', async (t) => {
  await assert.rejects(loadRun(join(await temporaryFolder(t), 'nothing')), /is not a run folder/);
});
