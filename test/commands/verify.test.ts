import assert from 'node:assert/strict';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import test, { after } from 'node:test';
import type { Verification } from '../../src/evaluation/verify-model.js';
import { exportModel } from '../../src/model/export/export-model.js';
import { fastInt8Storage } from '../../src/model/export/fast-int8-storage.js';
import { INT8_STORAGE_TYPES } from '../../src/model/precision.js';
import { projectRoot } from '../fixtures.js';
import { llavahr, testFolder } from './cli.js';
import { publishedJson } from './json-schemas.js';

const folder = await testFolder();
after(() => rm(folder, { recursive: true }));
const fast = await fastInt8Storage();
const tiny = join(projectRoot, 'sample', 'models', 'llava-hr-tiny');

test('embedded models use the embedded sample, others the named benchmark', async () => {
  const verify = (model: string, ...args: string[]) =>
    llavahr(folder, 'verify', model, '--precision', 'int8', '--against', tiny, '--offline', '--json', ...args);
  const embedded = await verify(tiny, '--benchmark', 'pope', '--limit', '9');
  assert.equal(embedded.code, 0, embedded.stderr);
  const { benchmark, questions, model, against } = publishedJson('verify', embedded.stdout) as Verification;
  assert.deepEqual([benchmark, questions, model.precision, against.precision], ['pope', 9, 'int8', 'fp32']);
  assert.doesNotMatch(embedded.stderr, /embedded TextVQA sample/);

  const models = await readdir(join(folder, 'cache', 'models'));
  const exported = join(folder, 'cache', 'models', models.find((name) => name.startsWith('llava-hr-tiny-int8'))!);
  const unnamed = await verify(exported, '--limit', '2');
  assert.equal(unnamed.code, 0, unnamed.stderr);
  assert.match(unnamed.stderr, /embedded TextVQA sample/);
  assert.doesNotMatch(unnamed.stderr, /another kind of processor/);
  const named = await verify(exported, '--benchmark', 'pope');
  assert.notEqual(named.code, 0);
  assert.match(named.stderr, /pope.*--offline/s);
});

test('int8 levels of either type give the same logits, and those of the other kind of processor are pointed out', async () => {
  const exports = INT8_STORAGE_TYPES.map((int8Storage) => ({ int8Storage, output: join(folder, int8Storage) }));
  for (const { int8Storage, output } of exports) {
    const { manifest } = await exportModel(tiny, { output, resolutions: [], precision: 'int8', int8Storage });
    assert.equal(manifest.int8Storage, int8Storage);
  }
  const { code, stdout, stderr } = await llavahr(
    folder,
    ...['verify', exports[0]!.output, '--against', exports[1]!.output, '--limit', '6', '--json'],
  );
  assert.equal(code, 0, stderr);
  const { questions, sameAnswers, logitError } = publishedJson('verify', stdout) as Verification;
  assert.deepEqual([questions, sameAnswers, logitError.largest], [6, 6, 0]);
  const slow = exports.find(({ int8Storage }) => int8Storage !== fast)!.output;
  assert.equal(stderr.split('another kind of processor').length, 2, stderr);
  assert.ok(stderr.includes(`${slow} was exported for another kind of processor`));
});
