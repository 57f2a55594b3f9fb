import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { openSeparatedTable } from '../../../src/datasets/tables/separated-table.js';

const folder = await mkdtemp(join(tmpdir(), 'llavahr-table-'));
after(() => rm(folder, { recursive: true }));

const IMAGE = Buffer.from('an image of a few bytes').toString('base64');
const request = { columns: ['question'], optional: [], image: 'image', hashImages: false, origin: '' };

test('a file that became shorter is an error of its images, not a shorter image', async () => {
  const path = join(folder, 'short.tsv');
  await writeFile(path, `question\timage\nWhy?\t${IMAGE}\n`);
  const table = await openSeparatedTable(path, request);
  assert.equal(Buffer.from(await table.image(0)).toString('base64'), IMAGE);
  await truncate(path, `question\timage\nWhy?\t${IMAGE}`.length - 8);
  await assert.rejects(table.image(0), {
    name: 'ImageError',
    message: /short\.tsv became shorter while it was in use$/,
  });
  await rm(path);
  await assert.rejects(table.image(0), { name: 'ImageError', code: 'missing' });
});

test('without file descriptors no image is to blame', { skip: process.platform === 'win32' }, async () => {
  const path = join(folder, 'images.tsv');
  await writeFile(path, `question\timage\nWhy?\t${IMAGE}\n`);
  const module = new URL('../../../src/datasets/tables/separated-table.js', import.meta.url).href;
  const child = `
    const { openSync } = await import('node:fs');
    const { openSeparatedTable } = await import('${module}');
    const table = await openSeparatedTable(process.argv[1], ${JSON.stringify(request)});
    try { for (;;) openSync(process.argv[1]); } catch {}
    await table.image(0).catch(({ name, message }) => process._rawDebug(name, message));`;
  const args = [process.execPath, '--input-type=module', '-e', child, path];
  const { stderr } = spawnSync('sh', ['-c', 'ulimit -n 100; exec "$0" "$@"', ...args], { encoding: 'utf8' });
  assert.match(stderr, /^UserError .*images\.tsv cannot be read: too many open files \(EMFILE\)/);
});
