import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { compareCommand } from '../../../src/commands/compare.js';
import { publishedBeside } from '../../../src/evaluation/published-beside.js';
import { findRuns } from '../../../src/results/runs/find-runs.js';
import { latencyFile } from '../../../src/results/runs/latency.js';
import type { RunResult } from '../../../src/results/runs/load-run.js';
import { metricsFile } from '../../../src/results/runs/metrics.js';
import { runFile } from '../../../src/results/runs/run-record.js';
import { identity, runResult, temporaryFolder } from '../samples.js';

async function writeRun(root: string, name: string, { record, metrics, latency }: RunResult): Promise<string> {
  const folder = join(root, name);
  await mkdir(folder, { recursive: true });
  await runFile.write(folder, record);
  await metricsFile.write(folder, metrics);
  await latencyFile.write(folder, latency);
  return folder;
}

test("a model's name selects its finished whole runs; skipped folders are reported", async (t) => {
  const root = await temporaryFolder(t);
  const whole = await writeRun(root, 'a', runResult());
  const smaller = await writeRun(root, 'b', runResult({ model: { ...identity.model, resolution: 384 } }));
  await writeRun(root, 'a.1', runResult());
  await writeRun(root, 'c', runResult({ protocol: { ocrTokens: true, limit: 10 } }));
  const unfinished = runResult({ benchmark: 'mme' });
  unfinished.record.state = 'interrupted';
  await writeRun(root, 'd', unfinished);

  const { runs, messages } = await findRuns(['llava-hr-7b'], root);
  assert.deepEqual(
    runs.map(({ folder }) => folder),
    [whole, smaller],
  );
  assert.deepEqual(messages, [
    `Skipped ${join(root, 'a.1')}: same run as ${whole}.`,
    `Skipped ${join(root, 'c')}: it covers only the first 10 questions; give the folder to include it.`,
    `Skipped ${join(root, 'd')}: not finished; rerun its eval command to resume it.`,
  ]);
  const named = await findRuns([join(root, 'c'), 'llava-hr-7b', whole], root);
  assert.equal(named.runs.length, 3);
  await assert.rejects(findRuns([join(root, 'd')], root), /d is not finished/);
  const checkpoint = join(root, 'checkpoint');
  await mkdir(checkpoint);
  await assert.rejects(findRuns([checkpoint], root), /is not a run folder: it has no run.json/);
  const own = await writeRun(join(root, 'x'), 'e', runResult({ model: { ...identity.model, name: checkpoint } }));
  assert.equal((await findRuns([checkpoint], join(root, 'x'))).runs[0]!.folder, own);
  await assert.rejects(findRuns(['llava-9'], root), {
    exitCode: 2,
    message: /llava-9 is neither a run folder nor a model .* Models with runs there: llava-hr-7b\./,
  });

  const options = { results: root, json: true };
  await assert.rejects(compareCommand([whole], options), {
    exitCode: 2,
    message: /^Nothing to compare: there is one run only\. /,
  });
  await assert.rejects(compareCommand([whole, smaller], { ...options, metric: 'beauty' }), {
    exitCode: 2,
    message: 'No run has a score named "beauty". Available: accuracy.',
  });
  await assert.rejects(compareCommand([whole], { ...options, baseline: 'llava-hr-7b' }), {
    exitCode: 2,
    message: /matches several models.*\n.* at 1024 px: .*a\n.* at 384 px: .*b/,
  });
});

test('a published number is shown only for a run with the same split, size, protocol and questions', () => {
  const published = (changes: Parameters<typeof runResult>[0], n = 5000) => {
    const run = runResult(changes);
    run.metrics.n = n;
    return publishedBeside(run);
  };
  assert.deepEqual([published({})?.score, published({})?.mismatches], [67.1, []]);
  const at384 = { model: { ...identity.model, resolution: 384 } };
  assert.deepEqual(published(at384)?.mismatches, ['1024 px']);
  assert.deepEqual(published({ protocol: { ocrTokens: false } })?.mismatches, ['with OCR tokens']);
  assert.deepEqual(published({}, 48)?.mismatches, ['5000 questions']);
  assert.deepEqual(published({ split: 'test' })?.mismatches, ['split val']);
  const llava = { model: { ...identity.model, name: 'llava-v1.5-7b', resolution: 336 } };
  assert.equal(published(llava)?.score, 58.2);
  const lmms = published({ ...llava, protocol: { protocol: 'lmms-eval', ocrTokens: false } });
  assert.deepEqual([lmms?.score, lmms?.mismatches], [46.07, []]);
  assert.equal(published({ model: { ...identity.model, name: 'llava-hr-tiny' } }), null);
});

test('a published number of MM-Vet is comparable only with grades of the same judge', () => {
  const mismatches = (model: string) => {
    const run = runResult({ benchmark: 'mmvet', split: 'test' });
    const judge = {
      server: 'https://example.org/v1',
      model,
      runs: 5,
      missing: 0,
      gradedAt: '2024-01-01T00:00:00.000Z',
    };
    run.metrics = { ...run.metrics, benchmark: 'mmvet', split: 'test', n: 218, judge };
    return publishedBeside(run)?.mismatches;
  };
  for (const model of ['gpt-4', 'gpt-4-0613', 'openai/gpt-4']) assert.deepEqual(mismatches(model), [], model);
  for (const model of ['gpt-4o', 'gpt-4-turbo', 'gpt-4.1', 'gpt-4-1106-preview', 'llama-3-70b']) {
    assert.deepEqual(mismatches(model), ['grades of GPT-4'], model);
  }
});
