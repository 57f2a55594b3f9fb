import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { projectRoot } from '../fixtures.js';
import { testFolder } from './cli.js';

const folder = await testFolder();
after(() => rm(folder, { recursive: true }));

const canTrace = process.platform === 'linux' && spawnSync('strace', ['-c', 'true']).status === 0;

test('a run writes nowhere but in its cache and its results, and looks up no name', async () => {
  const places = Object.fromEntries(['home', 'tmp', 'work'].map((name) => [name, join(folder, name)] as const));
  for (const place of Object.values(places)) await mkdir(place);
  const trace = join(folder, 'trace');
  const strace = canTrace ? ['strace', '-f', '-qq', '-e', 'trace=connect,sendto,sendmmsg', '-o', trace] : [];
  const output = join(folder, 'results');
  const args = ['eval', 'textvqa', '--limit', '2', '--offline', '--output', output];
  const [program, ...rest] = [...strace, process.execPath, join(projectRoot, 'bin', 'llavahr'), ...args];
  const { ORT_DISABLE_TELEMETRY: _, ...env } = process.env;
  const { status, stderr } = spawnSync(program!, rest, {
    cwd: places['work'],
    env: { ...env, HOME: places['home'], TMPDIR: places['tmp'], LLAVAHR_CACHE: join(folder, 'cache') },
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  for (const place of Object.values(places)) assert.deepEqual(await readdir(place), [], place);
  if (canTrace) assert.ok(existsSync(trace));
  const network = canTrace
    ? readFileSync(trace, 'latin1')
        .split('\n')
        .filter((line) => /AF_INET|port/.test(line))
    : [];
  assert.deepEqual(network, []);
});
