import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { findBenchmark } from '../../src/benchmarks/registry.js';
import { sampleData } from '../../src/evaluation/sample.js';
import { verifyModel } from '../../src/evaluation/verify-model.js';
import { exportModel } from '../../src/model/export/export-model.js';
import { type Model, openModel } from '../../src/model/model-folder.js';
import type { Precision } from '../../src/model/precision.js';
import { projectRoot } from '../fixtures.js';

const folder = await mkdtemp(join(tmpdir(), 'llavahr-verify-'));
const benchmark = await findBenchmark('textvqa').load(sampleData('textvqa'), { protocol: 'llava', limit: 6 });
after(async () => {
  await benchmark.images.close();
  await rm(folder, { recursive: true });
});

async function exported(name: string, precision: Precision, resolution: number): Promise<Model> {
  const output = join(folder, `${name}-${precision}`);
  await exportModel(join(projectRoot, 'sample', 'models', name), { output, resolutions: [resolution], precision });
  return openModel(output, resolution);
}

test('int4 against fp32: the same visual tokens, other logits, a score difference with its interval', async () => {
  const [int4, fp32] = [await exported('llava-hr-tiny', 'int4', 256), await exported('llava-hr-tiny', 'fp32', 256)];
  const asked: string[] = [];
  const made = await verifyModel(int4, fp32, benchmark, 1, ({ precision }) => asked.push(precision));
  assert.deepEqual(asked, ['fp32', 'int4']);
  assert.deepEqual(made.model, { name: 'llava-hr-tiny', precision: 'int4', resolution: 256 });
  assert.deepEqual([made.questions, made.notAsked], [6, 0]);
  assert.ok(made.sameAnswers >= 4 && made.sameAnswers <= 6);
  assert.equal(made.visualError.largest, 0);
  assert.ok(made.visualError.images > 0);
  assert.ok(made.logitError.relative > 0 && made.logitError.relative < 0.2, `${made.logitError.relative}`);
  assert.equal(made.score?.name, 'accuracy');
  const difference = made.score.model - made.score.against;
  assert.ok(made.score.interval!.low <= difference && difference <= made.score.interval!.high);
});

test('models that differ in input size or architecture are not compared', async () => {
  const [small, fp32] = [await exported('llava-hr-tiny', 'fp32', 128), await exported('llava-hr-tiny', 'fp32', 256)];
  const other = await exported('llava-1.5-tiny', 'fp32', 112);
  const verify = (model: Model): Promise<unknown> => verifyModel(model, fp32, benchmark, 1, () => assert.fail());
  await assert.rejects(verify(small), /Cannot compare models with inputs of 128 and 256 px\. Choose one size/);
  const sameSize = { ...other, vision: { ...other.vision, resolution: 256 } };
  await assert.rejects(verify(sameSize), /not exports of the same architecture: they differ in family, /);
});
