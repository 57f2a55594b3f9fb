import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { openRandomModel } from '../../src/evaluation/random-model.js';
import { startInference } from '../../src/model/inference/inference.js';
import { type Model, readManifest } from '../../src/model/model-folder.js';
import { IMAGE_TOKEN } from '../../src/model/prompt.js';
import { SMALL_HR } from '../model/small-architecture.js';

test('a random model gives finite values, is written once, and is identical when written again', async (t) => {
  const parent = await mkdtemp(join(tmpdir(), 'llavahr-random-'));
  t.after(() => rm(parent, { recursive: true }));
  const folder = join(parent, 'model');
  const choice = { name: 'small', architecture: SMALL_HR, precision: 'fp32' } as const;
  const model = await openRandomModel({ ...choice, folder });
  assert.equal(model.manifest.name, 'small (random)');
  assert.equal(model.vision.visualTokens, 64);

  await runsWithFiniteValues(model);

  const written = await stat(join(folder, 'language.weights'));
  await openRandomModel({ ...choice, folder, resolution: 384 });
  assert.equal((await stat(join(folder, 'language.weights'))).mtimeMs, written.mtimeMs);
  assert.deepEqual(
    (await readManifest(folder))?.resolutions.map(({ resolution }) => resolution),
    [256, 384],
  );

  const again = await openRandomModel({ ...choice, folder: join(parent, 'again') });
  assert.deepEqual(again.manifest.weights, model.manifest.weights);
  assert.deepEqual(
    await readFile(join(again.folder, 'vision.weights')),
    await readFile(join(folder, 'vision.weights')),
  );
  assert.deepEqual((await readdir(parent)).sort(), ['again', 'model']);
});

test('a random model can be quantised', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'llavahr-random-'));
  t.after(() => rm(folder, { recursive: true }));
  const choice = { name: 'small', architecture: SMALL_HR, precision: 'int8', folder: join(folder, 'model') } as const;
  const model = await openRandomModel(choice);
  assert.equal(model.manifest.precision, 'int8');
  await runsWithFiniteValues(model);
});

async function runsWithFiniteValues(model: Model): Promise<void> {
  const inference = await startInference(model, { provider: 'cpu', index: 0 }, 1);
  const result = await inference
    .run({
      pixels: new Uint8Array(256 * 256 * 3).map((_, i) => i % 251),
      rows: [{ image: 0, prompts: [[1, IMAGE_TOKEN, 5, 6, 7]] }],
      maxNewTokens: 4,
      minSteps: 4,
      timePrefill: false,
      keepVisual: true,
    })
    .finally(inference.close);
  const size = Math.max(...result.visual.map(Math.abs));
  assert.ok(result.visual.every(Number.isFinite) && size > 0.1 && size < 100, `largest visual token ${size}`);
  const logit = result.firstLogits[0]![0]!;
  assert.ok(logit > 0.1 && logit < 100, `logit ${logit}`);
  assert.equal(result.steps, 4);
}
