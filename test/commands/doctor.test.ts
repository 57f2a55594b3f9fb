import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { appendFile, cp, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { recordDownload } from '../../src/downloads/download-record.js';
import { sampleData } from '../../src/evaluation/sample.js';
import { start } from './cli.js';
import { publishedJson } from './json-schemas.js';

interface Found {
  data: { benchmark: string; split: string; state: string; detail: string }[];
  devices: { device: string; problem: string | null }[];
  checkpoints: { model: string; state: string; detail: string }[];
  models: { name: string; problem: string | null }[];
  next: { command: string }[];
}

test('doctor tells complete, partial, missing and damaged apart', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'doctor-'));
  const root = join(folder, 'data');
  await cp(sampleData('okvqa'), join(root, 'okvqa'), { recursive: true });
  await cp(sampleData('textvqa'), join(root, 'textvqa'), { recursive: true });
  const name = 'mscoco_val2014_annotations.json';
  await recordDownload(join(root, 'okvqa'), name, { url: 'http://x', etag: null, sha256: '0'.repeat(64) });
  const ask = async (...options: string[]): Promise<{ code: number | null; found: Found }> => {
    const env = { LLAVAHR_DATA: root, HF_HUB_CACHE: join(folder, 'hub') };
    const { code, stdout } = await start(folder, ['doctor', '--json', ...options], env).result;
    return { code, found: publishedJson('doctor', stdout) as Found };
  };
  const stateOf = ({ data }: Found, benchmark: string) => data.find((row) => row.benchmark === benchmark);

  const healthy = await ask();
  assert.equal(healthy.code, 0);
  assert.equal(stateOf(healthy.found, 'okvqa')?.state, 'complete');
  assert.deepEqual(stateOf(healthy.found, 'textvqa'), {
    benchmark: 'textvqa',
    split: 'val',
    state: 'partial',
    detail: '1 of 2 files are missing',
    command: 'download textvqa --split val',
  });
  assert.deepEqual(healthy.found.devices[0], { device: 'cpu', problem: null });
  const [, cuda, webgpu] = healthy.found.devices;
  assert.match(cuda?.problem ?? 'works', /works|--device cuda/);
  assert.match(webgpu?.problem ?? 'works', /works|--device webgpu|ended with/);
  assert.equal(healthy.found.checkpoints[0]?.state, 'not here');
  const next = healthy.found.next.map(({ command }) => command);
  assert.deepEqual(next, [
    'llavahr download textvqa --split val',
    'llavahr download model llava-hr-7b',
    'llavahr eval textvqa',
  ]);
  assert.deepEqual(stateOf(healthy.found, 'gqa')?.state, 'not here');

  const hashed = await ask('--verify');
  assert.equal(hashed.code, 1, 'the recorded hash is another one');
  assert.match(stateOf(hashed.found, 'okvqa')?.detail ?? '', /mscoco_val2014_annotations\.json modified since/);

  await appendFile(join(root, 'okvqa', name), ' ');
  assert.equal(stateOf((await ask()).found, 'okvqa')?.state, 'damaged', 'another size needs no hash');

  // A checkpoint as `download model` leaves it, with a file that was damaged afterwards.
  const repo = 'favor123/llava-hr-7b-sft-1024';
  const commit = 'c'.repeat(40);
  const snapshot = join(folder, 'hub', `models--${repo.replace('/', '--')}`, 'snapshots', commit);
  await mkdir(snapshot, { recursive: true });
  await writeFile(join(snapshot, 'config.json'), '{}');
  const gitHash = createHash('sha1').update('blob 2\0{}').digest('hex');
  const lock = (hash: string, file = 'config.json', bytes = 2) => ({
    schemaVersion: 1,
    checkpoints: { [repo]: { commit, files: { [file]: { bytes, hash } }, downloadedAt: '' } },
  });
  const lockPath = join(folder, 'cache', 'checkpoints.json');
  await mkdir(join(folder, 'cache', 'models', 'broken'), { recursive: true });
  await writeFile(join(folder, 'cache', 'models', 'broken', 'model.json'), '{');
  await writeFile(lockPath, JSON.stringify(lock(gitHash)));
  const whole = await ask('--verify');
  assert.deepEqual(whole.found.checkpoints[0], {
    model: 'llava-hr-7b',
    state: 'complete',
    detail: 'hashes agree',
    command: null,
  });
  assert.match(whole.found.models[0]?.problem ?? '', /model\.json/);
  await writeFile(lockPath, JSON.stringify(lock('d'.repeat(40))));
  const damaged = await ask('--verify');
  assert.match(
    damaged.found.checkpoints[0]?.detail ?? '',
    /config\.json has the hash [0-9a-f]{40}, not d+: delete the file/,
  );
  await writeFile(lockPath, JSON.stringify(lock('d'.repeat(40), `${'../'.repeat(30)}dev/zero`, 0)));
  const leaving = await ask('--verify');
  assert.match(leaving.found.checkpoints[0]?.detail ?? '', /\/dev\/zero" is outside the folder/);
});
