import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, type TestContext } from 'node:test';
import { exportModel } from '../../../src/model/export/export-model.js';
import type { Device } from '../../../src/model/inference/device.js';
import { type Inference, startInference } from '../../../src/model/inference/inference.js';
import { ensureSelfCheck } from '../../../src/model/inference/self-check.js';
import { openModel } from '../../../src/model/model-folder.js';
import { loadTokenizer } from '../../../src/model/tokenizer/load-tokenizer.js';
import { fixture } from '../../fixtures.js';

const CPU: Device = { provider: 'cpu', index: 0 };
const GPU: Device = { provider: 'cuda', index: 1 };

const folder = await mkdtemp(join(tmpdir(), 'llavahr-check-'));
after(() => rm(folder, { recursive: true }));

/** Each test has its own model, since the outcome is stored in the model folder. */
async function setUp(t: TestContext, name: string) {
  const output = join(folder, name);
  await exportModel(fixture('reference', 'hr-mini'), { output, resolutions: [], precision: 'fp32' });
  const model = await openModel(output);
  const cpu = await startInference(model, CPU);
  t.after(cpu.close);
  return { model, tokenizer: await loadTokenizer(output), cpu };
}

/** A device with the CPU's results modified by `change`; counts its runs. */
function deviceWith(cpu: Inference, change: (result: Awaited<ReturnType<Inference['run']>>) => void) {
  const device = {
    ...cpu,
    runs: 0,
    async run(batch: Parameters<Inference['run']>[0]) {
      device.runs++;
      const result = await cpu.run(batch);
      change(result);
      return result;
    },
  };
  return device;
}

test('a device that agrees with the CPU passes and is not checked again', async (t) => {
  const { model, tokenizer, cpu } = await setUp(t, 'right');
  const device = deviceWith(cpu, () => {});
  const messages: string[] = [];
  for (let i = 0; i < 2; i++) await ensureSelfCheck(model, GPU, device, tokenizer, () => messages.push('checking'));
  assert.deepEqual([device.runs, messages.length], [1, 1]);
  const [record] = Object.values(JSON.parse(await readFile(join(model.folder, 'self-checks.json'), 'utf8')));
  assert.deepEqual(record, { passed: true, visualError: 0, logitError: 0, sameAnswers: '4 of 4' });
});

test('wrong visual tokens, wrong logits and NaN are rejected with the differences; a second check does not run', async (t) => {
  const wrong: [string, (result: Awaited<ReturnType<Inference['run']>>) => void][] = [
    ['visual', (result) => (result.visual[5]! += 1)],
    ['logits', (result) => (result.firstLogits[0]![1]! += 2)],
    ['nan', (result) => result.visual.fill(Number.NaN)],
  ];
  for (const [name, change] of wrong) {
    const { model, tokenizer, cpu } = await setUp(t, name);
    const device = deviceWith(cpu, change);
    for (let i = 0; i < 2; i++) {
      await assert.rejects(
        ensureSelfCheck(model, GPU, device, tokenizer, () => {}),
        {
          name: 'UserError',
          message:
            /--device cuda:1 computes wrong results for this model: compared with the CPU, visual tokens differ .* 4 of 4 answers agree/,
        },
      );
    }
    assert.equal(device.runs, 1);
  }
});

test('a damaged record makes the check run again', async (t) => {
  const { model, tokenizer, cpu } = await setUp(t, 'damaged');
  const device = deviceWith(cpu, () => {});
  const check = () => ensureSelfCheck(model, GPU, device, tokenizer, () => {});
  await check();
  const path = join(model.folder, 'self-checks.json');
  const [key] = Object.keys(JSON.parse(await readFile(path, 'utf8')));
  for (const damage of ['{', JSON.stringify({ [key!]: { passed: false } }), JSON.stringify({ [key!]: null })]) {
    await writeFile(path, damage);
    await check();
  }
  assert.equal(device.runs, 4);
});

test('the CPU is the reference and is never checked', async (t) => {
  const { model, tokenizer, cpu } = await setUp(t, 'cpu');
  const device = deviceWith(cpu, () => {});
  await ensureSelfCheck(model, CPU, device, tokenizer, () => assert.fail('checked'));
  assert.equal(device.runs, 0);
});
