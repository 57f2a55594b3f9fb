import assert from 'node:assert/strict';
import test from 'node:test';
import { chosenSplit } from '../../src/benchmarks/shared/splits.js';
import { downloadModelsCommand } from '../../src/commands/download.js';
import { benchmarksNamed, oneList } from '../../src/commands/name-benchmarks.js';
import { benchmarkEntry, modelEntry, readCatalogue, splitEntry } from '../../src/datasets/catalogue.js';
import { downloadsOnDemand } from '../../src/downloads/downloads-on-demand.js';
import { chooseModel } from '../../src/evaluation/choose-model.js';
import { isSampleModel, SAMPLE_MODEL, sampleModel } from '../../src/evaluation/sample.js';

const named = async (names: string): Promise<string[]> => {
  const found = await benchmarksNamed(names, (model) => `llavahr eval textvqa --model ${model}`);
  return found.map(({ name }) => name);
};

test('benchmarks, splits and models are understood however they are spelled', async () => {
  assert.deepEqual(await named('TextVQA,mm-vet, SEED-Bench,OK-VQA,VizWiz-VQA'), [
    ...['textvqa', 'mmvet', 'seed', 'okvqa', 'vizwiz'],
  ]);
  assert.deepEqual(await named('textvqa,TextVQA'), ['textvqa']);
  assert.equal((await named('ALL')).length, 11);
  const catalogue = await readCatalogue();
  const vqav2 = benchmarkEntry(catalogue, 'vqav2');
  assert.equal(splitEntry(vqav2, 'Test_Dev').name, 'test-dev');
  assert.equal(
    chosenSplit({ name: 'x', splits: [{ name: 'test-dev', questions: 1, images: 1, scored: 'here' }] }, 'testdev'),
    'test-dev',
  );
  for (const name of ['LLaVA-HR-7B', 'llava_hr_7b']) assert.equal(modelEntry(catalogue, name)?.name, 'llava-hr-7b');
  assert.equal(sampleModel('LLaVA-HR-tiny'), SAMPLE_MODEL);
  assert.ok(isSampleModel('llava_hr_tiny'));
});

test('what is not understood is answered with what may be meant', async () => {
  const rejected = async (call: Promise<unknown>, message: RegExp): Promise<void> =>
    assert.rejects(call, { exitCode: 2, message });
  await rejected(named('textqa'), /^Unknown benchmark "textqa"\. Did you mean textvqa\? Available: vqav2, /);
  await rejected(
    named('LLaVA-HR-7B'),
    /^llava-hr-7b is a model, not a benchmark: llavahr eval textvqa --model llava-hr-7b$/,
  );
  await rejected(oneList('eval', ['textvqa', 'mme']), /commas, without spaces: llavahr eval textvqa,mme$/);
  await rejected(oneList('eval', ['textvqa,', 'mme']), /llavahr eval textvqa,mme$/);
  await rejected(oneList('eval', ['textvqa', 'llava_hr_7b']), /llavahr eval textvqa --model llava-hr-7b$/);
  await rejected(oneList('eval', ['textvqa', 'x']), /^eval takes one argument, not 2: textvqa x\.$/);
  assert.equal(await oneList('eval', ['textvqa,mme']), 'textvqa,mme');

  const options = {
    offline: true,
    update: false,
    verify: false,
    json: false,
    dryRun: false,
    source: 'official',
  } as const;
  await rejected(
    downloadModelsCommand(undefined, [], options),
    /^Name the model: llavahr download model llava-hr-7b\./,
  );
  await rejected(
    downloadModelsCommand('llava-hr', [], options),
    /Unknown model "llava-hr"\. Did you mean llava-hr-7b\?/,
  );
  await rejected(
    downloadModelsCommand('llava-hr-7b', ['llava-1.5-7b'], options),
    /llavahr download model llava-hr-7b,llava-1\.5-7b$/,
  );
  const downloads = downloadsOnDemand(true);
  const wrong = chooseModel({ model: 'lava-hr-tiny', precision: 'fp32' }, downloads);
  await rejected(wrong, /neither a folder nor a known name\. Did you mean llava-hr-tiny\? Known names: /);
  await downloads.close();
});
