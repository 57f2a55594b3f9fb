import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { fromBufferPromise } from 'yauzl';
import { writeMember } from '../../src/fetch/zip-members.js';
import { makeZip } from './zips.js';

test('what fails in reading an archive does not name the file that a member is written to', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'llavahr-zip-'));
  try {
    const zip = await fromBufferPromise(await makeZip([{ name: 'a', content: Buffer.from('text'), stored: true }]));
    for await (const entry of zip.eachEntry()) {
      const failing = (async function* () {
        yield Buffer.from('te');
        throw Object.assign(new Error('i/o error'), { code: 'EIO', syscall: 'read' });
      })();
      const error = await writeMember('a.zip', entry, failing, join(folder, 'a')).catch((error) => error);
      assert.deepEqual([error.code, error.path], ['EIO', undefined]);
      assert.deepEqual(await readdir(folder), []);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
