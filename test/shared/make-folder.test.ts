import assert from 'node:assert/strict';
import { mkdir, rmdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { makeFolder } from '../../src/shared/make-folder.js';
import { temporaryFolder } from '../results/samples.js';

test('makes a folder and those above it, whether or not they are there', async (t) => {
  const folder = join(await temporaryFolder(t), 'a', 'b', 'c');
  await Promise.all([makeFolder(folder), makeFolder(folder), makeFolder(join(folder, '..', 'd'))]);
  await makeFolder(folder);
  await makeFolder('/');
  assert.ok((await stat(folder)).isDirectory());
});

test('says why a folder cannot be made', async (t) => {
  const root = await temporaryFolder(t);
  await writeFile(join(root, 'file'), '');
  await assert.rejects(makeFolder(join(root, 'file')), { name: 'UserError', message: /file of that name.*\(EEXIST\)/ });
  await assert.rejects(makeFolder(join(root, 'file', 'a')), { message: /a part of its path is a file \(ENOTDIR\)/ });
});

test('ends below /proc and in a working folder that was deleted', { timeout: 10_000 }, async (t) => {
  if (process.platform === 'linux') {
    await assert.rejects(makeFolder('/proc/llavahr/a/b'), {
      name: 'UserError',
      message: 'The folder /proc/llavahr/a/b cannot be made: there is no such file or folder (ENOENT).',
    });
  }
  const before = process.cwd();
  const deleted = join(await temporaryFolder(t), 'deleted');
  await mkdir(deleted);
  process.chdir(deleted);
  t.after(() => process.chdir(before));
  await rmdir(deleted);
  await assert.rejects(makeFolder('a/b'), {
    name: 'UserError',
    message: /^The folder a\/b cannot be made: .*\(ENOENT\)/,
  });
});
