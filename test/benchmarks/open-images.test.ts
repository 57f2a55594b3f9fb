import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import test from 'node:test';
import { EVALUABLE } from '../../src/benchmarks/registry.js';
import { sampleData } from '../../src/evaluation/sample.js';

test('images that a benchmark opens alone are those of its questions', async () => {
  const alone: string[] = [];
  for (const { name, load, openImages } of EVALUABLE) {
    if (name === 'custom' || openImages === undefined || !existsSync(sampleData(name))) continue;
    const { split, questions, images } = await load(sampleData(name), { protocol: 'llava' });
    const opened = await openImages(sampleData(name), split);
    const { image } = questions.findLast((question) => question.image !== null)!;
    assert.deepEqual(await opened.read(image!), await images.read(image!), name);
    assert.deepEqual(await opened.stamp(image!), await images.stamp(image!), name);
    await images.close();
    await opened.close();
    alone.push(name);
  }
  const native = ['gqa', 'mme', 'mmvet', 'okvqa', 'pope', 'scienceqa', 'seed', 'textvqa', 'vizwiz', 'vqav2'];
  assert.deepEqual(alone.filter((name) => native.includes(name)).sort(), native);
});
