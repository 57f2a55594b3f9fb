import assert from 'node:assert/strict';
import { copyFile, mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { loadTokenizer } from '../../../src/model/tokenizer/load-tokenizer.js';
import { fixture } from '../../fixtures.js';

async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'llavahr-tokenizer-'));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

const reference = (name: string) => fixture('reference', 'l15-mini', name);

test('tokenizer.json is read when there is no tokenizer.model', async (t) => {
  const folder = await temporaryFolder(t);
  await copyFile(reference('tokenizer.json'), join(folder, 'tokenizer.json'));
  const tokenizer = await loadTokenizer(folder);
  assert.deepEqual(tokenizer.encode('</s>USER: hi'), [2, 723, 699, 506, 696, 324, 673]);
});

test('a tokenizer.json that is not JSON is refused', async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'tokenizer.json'), '{"added_tokens": [');
  await assert.rejects(loadTokenizer(folder), {
    name: 'UserError',
    message: /tokenizer\.json is not JSON .*Download it/,
  });
});

test('tokenizer.model is preferred', async (t) => {
  const folder = await temporaryFolder(t);
  await copyFile(reference('tokenizer.model'), join(folder, 'tokenizer.model'));
  await copyFile(reference('tokenizer_config.json'), join(folder, 'tokenizer_config.json'));
  await writeFile(join(folder, 'tokenizer.json'), '{"added_tokens": [], "model": "not looked at"}');
  assert.equal((await loadTokenizer(folder)).size, 768);
});

test('a damaged tokenizer.model is an error even if tokenizer.json exists', async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'tokenizer.model'), '<!DOCTYPE html>');
  await copyFile(reference('tokenizer.json'), join(folder, 'tokenizer.json'));
  await assert.rejects(loadTokenizer(folder), {
    name: 'UserError',
    message: /tokenizer\.model is not a SentencePiece/,
  });
});

test('errors name the folder or file', async (t) => {
  const folder = await temporaryFolder(t);
  await assert.rejects(loadTokenizer(folder), { name: 'UserError', message: /has neither tokenizer\.model nor/ });
  await assert.rejects(loadTokenizer(join(folder, 'none')), { name: 'UserError', message: /has neither/ });
  await writeFile(join(folder, 'tokenizer.json'), '');
  await truncate(join(folder, 'tokenizer.json'), 2 ** 34); // sparse: no bytes on disk
  await assert.rejects(loadTokenizer(folder), {
    name: 'UserError',
    message: /too large for a tokenizer: 17179869184 bytes/,
  });
  await mkdir(join(folder, 'tokenizer.model'));
  await assert.rejects(loadTokenizer(folder), { name: 'UserError', message: /tokenizer\.model is not a file/ });
});
