import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { readPredictions } from '../../src/results/runs/predictions.js';
import { llavahr, resultFolder, testFolder } from './cli.js';

const EVAL = ['eval', 'textvqa', '--limit', '24', '--resolution', '128', '--batch-size', '1', '--threads', '1'];

test('a full disk ends the run and keeps what is on disk intact; with free space it resumes with identical results', async (t) => {
  const folder = await testFolder();
  const disk = join(folder, 'disk');
  await mkdir(disk);
  t.after(async () => {
    spawnSync('umount', [disk]);
    await rm(folder, { recursive: true });
  });
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=20k', 'tmpfs', disk]).status === 0;
  if (!mounted) return t.skip('a small file system cannot be mounted here');

  const full = await llavahr(folder, ...EVAL, '--output', disk);
  assert.equal(full.code, 1, full.stderr);
  assert.match(full.stderr, /error: .* cannot be written: .*ENOSPC/);
  const run = await resultFolder(disk);
  assert.deepEqual(
    readdirSync(run).filter((name) => name.startsWith('lock-') || name.endsWith('.tmp')),
    [],
  );
  const kept = await readPredictions(join(run, 'predictions.jsonl'));
  assert.ok(kept.length > 0 && kept.length < 24, `${kept.length} answers`);

  assert.equal(spawnSync('mount', ['-o', 'remount,size=10m', disk]).status, 0);
  const whole = join(folder, 'whole');
  assert.equal((await llavahr(folder, ...EVAL, '--output', disk)).code, 0);
  assert.equal((await llavahr(folder, ...EVAL, '--output', whole)).code, 0);
  const predictions = (path: string) => readFileSync(join(path, 'predictions.jsonl'), 'utf8');
  assert.equal(predictions(run), predictions(await resultFolder(whole)));
});
