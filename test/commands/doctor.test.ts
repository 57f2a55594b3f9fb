import assert from 'node:assert/strict';
import { appendFile, cp, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { recordDownload } from '../../src/downloads/download-lock.js';
import { sampleData } from '../../src/evaluation/sample.js';
import { start } from './cli.js';

interface Found {
  data: { benchmark: string; split: string; state: string; detail: string }[];
  models: { name: string; problem: string | null }[];
}

test('doctor tells complete, partial, missing and damaged apart', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'doctor-'));
  const root = join(folder, 'data');
  await cp(sampleData('okvqa'), join(root, 'okvqa'), { recursive: true });
  await cp(sampleData('textvqa'), join(root, 'textvqa'), { recursive: true });
  const name = 'mscoco_val2014_annotations.json';
  await recordDownload(join(root, 'okvqa'), name, { url: 'http://x', etag: null, sha256: '0'.repeat(64) });
  const ask = async (...options: string[]): Promise<{ code: number | null; found: Found }> => {
    const { code, stdout } = await start(folder, ['doctor', '--json', ...options], { LLAVAHR_DATA: root }).result;
    return { code, found: JSON.parse(stdout) as Found };
  };
  const stateOf = ({ data }: Found, benchmark: string) => data.find((row) => row.benchmark === benchmark);

  const healthy = await ask();
  assert.equal(healthy.code, 0);
  assert.equal(stateOf(healthy.found, 'okvqa')?.state, 'complete');
  assert.deepEqual(stateOf(healthy.found, 'textvqa'), {
    ...{ benchmark: 'textvqa', split: 'val' },
    ...{ state: 'partial', detail: '1 of 2 files are missing' },
  });
  assert.deepEqual(stateOf(healthy.found, 'gqa')?.state, 'not here');

  const hashed = await ask('--verify');
  assert.equal(hashed.code, 1, 'the recorded hash is another one');
  assert.match(stateOf(hashed.found, 'okvqa')?.detail ?? '', /mscoco_val2014_annotations\.json changed since/);

  await appendFile(join(root, 'okvqa', name), ' ');
  assert.equal(stateOf((await ask()).found, 'okvqa')?.state, 'damaged', 'another size needs no hash');

  await mkdir(join(folder, 'cache', 'models', 'broken'), { recursive: true });
  await writeFile(join(folder, 'cache', 'models', 'broken', 'model.json'), '{');
  const { models } = (await ask()).found;
  assert.match(models[0]?.problem ?? '', /model\.json/);
});
