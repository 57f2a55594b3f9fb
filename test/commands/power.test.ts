import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { powerCommand } from '../../src/commands/power.js';
import { llavahr, testFolder } from './cli.js';
import { publishedJson } from './json-schemas.js';
import { printed } from './print.js';

const OPTIONS = { json: false };

test('the difference that a split shows, and the questions that a difference needs', async () => {
  const { stdout } = await printed(() => powerCommand('textvqa,mmvet', OPTIONS));
  assert.match(stdout, /^textvqa +val +5,000 +0\.89 +1\.25 +1\.77$/m);
  assert.doesNotMatch(stdout, /mmvet/);
  const needed = await printed(() => powerCommand('pope', { ...OPTIONS, difference: 1, disagreement: [5, 20] }));
  assert.match(needed.stdout, /^pope +test +8,910 +3,923 +15,696 \(has fewer\)$/m);
});

test('more than the models disagree on is never shown', async () => {
  const { stdout } = await printed(() =>
    powerCommand('pope', { ...OPTIONS, difference: 6, disagreement: [5], json: true }),
  );
  assert.equal(publishedJson('power', stdout).powers[0].needed, null);
});

test('what cannot be answered is a usage error', async () => {
  await assert.rejects(powerCommand('mmvet', OPTIONS), { exitCode: 2, message: /No split of mmvet/ });
  await assert.rejects(powerCommand('pope', { ...OPTIONS, pilot: ['a'] }), { exitCode: 2, message: /two runs/ });
  await assert.rejects(powerCommand('pope', { ...OPTIONS, results: 'a' }), { exitCode: 2, message: /needs --pilot/ });
});

test('a pilot gives the spread of the difference, and what all questions would show', async () => {
  const folder = await testFolder();
  const models = ['llava-hr-tiny', 'llava-1.5-tiny'];
  const pilot: string[] = [];
  for (const model of models) {
    const output = join(folder, model);
    const { code } = await llavahr(folder, 'eval', 'pope', '--model', model, '--limit', '30', '--output', output);
    assert.equal(code, 0);
    pilot.push(join(output, readdirSync(output)[0]!));
  }
  const { stdout } = await printed(() => powerCommand('all', { ...OPTIONS, pilot, difference: 5, json: true }));
  const [power] = publishedJson('power', stdout).powers as [
    {
      questions: number;
      detectable: number;
      needed: number;
      pilot: { baseline: string; model: string; detectable: number };
    },
  ];
  assert.equal(power.questions, 8910);
  const { baseline, model } = power.pilot;
  assert.deepEqual([baseline, model], ['llava-hr-tiny at 256 px', 'llava-1.5-tiny at 112 px']);
  const text = await printed(() => powerCommand('all', { ...OPTIONS, pilot }));
  assert.match(text.stdout, /^pope +llava-1\.5-tiny at 112 px +30 +-/m);
  assert.match(text.stdout, /^Differences from llava-hr-tiny at 256 px, in the unit/m);
  assert.ok(Math.abs(power.detectable - power.pilot.detectable * Math.sqrt(30 / 8910)) < 1e-9);
  assert.equal(power.needed, Math.ceil(30 * (power.pilot.detectable / 5) ** 2));

  // Runs of another benchmark, which the first model lacks, are no pilot for the two models.
  const [second, first] = models.map((model) => join(folder, model));
  for (const resolution of ['128', '256']) {
    const args = ['textvqa', '--limit', '10', '--resolution', resolution, '--output', second!];
    assert.equal((await llavahr(folder, 'eval', ...args)).code, 0);
  }
  const ofFolders = await printed(() => powerCommand('all', { ...OPTIONS, pilot: [first!, second!] }));
  assert.match(ofFolders.stdout, /^pope +llava-hr-tiny at 256 px/m);
  assert.doesNotMatch(ofFolders.stdout, /textvqa/);
});
