import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { openSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { projectRoot } from '../fixtures.js';
import { readLines, resultFolder, start, testFolder, waitForLines } from './cli.js';

const folder = await testFolder();
after(() => rm(folder, { recursive: true }));
const onPosix = { skip: process.platform === 'win32' && 'POSIX signals' };
const evalInto = (output: string, ...more: string[]) =>
  start(folder, ['eval', 'textvqa', '--batch-size', '1', '--output', output, ...more]);

test("Slurm's warning signals stop a run as SIGTERM does", onPosix, async () => {
  for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) {
    const output = join(folder, signal);
    const { process: child, result } = evalInto(output);
    await waitForLines(output, 2);
    child.kill(signal);
    const { code, stderr } = await result;
    assert.equal(code, 130, stderr);
    assert.match(stderr, /Interrupted: \d+ of 48 answers/);
    assert.doesNotMatch(stderr, /Debugger/);
  }
});

test('a run goes on to its end when its terminal and the reader of stderr are gone', onPosix, async () => {
  const output = join(folder, 'lost');
  const { process: child, result } = evalInto(output, '--limit', '16');
  await waitForLines(output, 2);
  child.stderr!.destroy();
  child.kill('SIGHUP');
  const { code, signal, stdout } = await result;
  assert.deepEqual([code, signal], [0, null]);
  assert.match(stdout, /16 answered, 0 failed/);
  assert.equal(readLines(await resultFolder(output)).length, 16);
});

test('a result that cannot be printed is exit code 1, messages that cannot be are not', {
  skip: process.platform !== 'linux' && '/dev/full',
}, () => {
  const full = openSync('/dev/full', 'w');
  const list = (stdio: 'pipe' | number, stderr: 'pipe' | number) =>
    spawnSync(process.execPath, [join(projectRoot, 'bin', 'llavahr'), '--log-level', 'debug', 'show', 'pope'], {
      stdio: ['ignore', stdio, stderr],
      encoding: 'utf8',
    });
  const unprinted = list(full, 'pipe');
  assert.equal(unprinted.status, 1);
  assert.match(unprinted.stderr, /stdout cannot be written: ENOSPC/);
  const silent = list('pipe', full);
  assert.equal(silent.status, 0);
  assert.match(silent.stdout, /^pope /);
});
