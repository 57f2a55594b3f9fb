import assert from 'node:assert/strict';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import test, { after } from 'node:test';
import type { Verification } from '../../src/evaluation/verify-model.js';
import { projectRoot } from '../fixtures.js';
import { llavahr, testFolder } from './cli.js';

const folder = await testFolder();
after(() => rm(folder, { recursive: true }));
const tiny = join(projectRoot, 'sample', 'models', 'llava-hr-tiny');

test('embedded models are asked the embedded sample, others a named benchmark itself', async () => {
  const verify = (model: string, ...args: string[]) =>
    llavahr(folder, 'verify', model, '--precision', 'int8', '--against', tiny, '--offline', '--json', ...args);
  const embedded = await verify(tiny, '--benchmark', 'pope', '--limit', '9');
  assert.equal(embedded.code, 0, embedded.stderr);
  const { benchmark, questions, model, against } = JSON.parse(embedded.stdout) as Verification;
  assert.deepEqual([benchmark, questions, model.precision, against.precision], ['pope', 9, 'int8', 'fp32']);
  assert.doesNotMatch(embedded.stderr, /embedded textvqa sample/);

  const models = await readdir(join(folder, 'cache', 'models'));
  const exported = join(folder, 'cache', 'models', models.find((name) => name.startsWith('llava-hr-tiny-int8'))!);
  const unnamed = await verify(exported, '--limit', '2');
  assert.equal(unnamed.code, 0, unnamed.stderr);
  assert.match(unnamed.stderr, /embedded textvqa sample/);
  const named = await verify(exported, '--benchmark', 'pope');
  assert.notEqual(named.code, 0);
  assert.match(named.stderr, /pope.*--offline/s);
});
