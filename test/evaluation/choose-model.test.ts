import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { downloadsOnDemand } from '../../src/downloads/downloads-on-demand.js';
import { chooseModel, type ModelChoice } from '../../src/evaluation/choose-model.js';
import { SAMPLE_MODEL } from '../../src/evaluation/sample.js';
import { exportModel } from '../../src/model/export/export-model.js';

const folder = await mkdtemp(join(tmpdir(), 'llavahr-choose-'));
after(() => rm(folder, { recursive: true }));

const downloads = downloadsOnDemand(true);
const choose = (choice: ModelChoice) => chooseModel(choice, downloads);

test('what only an export could follow is refused for a model that is exported', async () => {
  const model = join(folder, 'int8');
  await exportModel(SAMPLE_MODEL, { output: model, resolutions: [], precision: 'int8' });
  assert.equal((await choose({ model })).manifest.precision, 'int8');
  assert.equal((await choose({ model, precision: 'int8' })).manifest.precision, 'int8');
  const refused: [ModelChoice, RegExp][] = [
    [{ precision: 'fp32' }, /int8 is exported in int8: leave out --precision fp32, or give the checkpoint/],
    [{ clipTower: 'tower' }, /is exported already: leave out --clip-tower tower/],
    [{ base: 'base' }, /is exported already: leave out --base base/],
  ];
  for (const [choice, message] of refused) await assert.rejects(choose({ model, ...choice }), { exitCode: 2, message });
});

test('an embedded model takes no CLIP tower of another', async () => {
  const message = /llava-hr-tiny contains its own CLIP tower: remove --clip-tower tower/;
  for (const model of [undefined, 'llava-hr-tiny']) {
    await assert.rejects(choose({ ...(model && { model }), clipTower: 'tower' }), { exitCode: 2, message });
  }
});
