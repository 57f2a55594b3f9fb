import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { link, lstat, mkdir, readdir, readFile, readlink, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { writeOutput } from '../../src/shared/write-output.js';
import { temporaryFolder } from '../results/samples.js';

const noUnix = { skip: process.platform === 'win32' && 'special files' };
const CHILD = fileURLToPath(new URL('./write-output-child.js', import.meta.url));

test('a regular file is replaced, and files of the user beside it are left alone', async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, 'x');
  await writeFile(`${path}.tmp`, 'mine');
  for (const isBeat of [false, true]) {
    await writeOutput(path, 'old', { isBeat });
    const before = await stat(path);
    await writeOutput(path, 'new', { isBeat });
    assert.equal(await readFile(path, 'utf8'), 'new');
    assert.notEqual((await stat(path)).ino, before.ino, 'replaced as a whole');
  }
  assert.equal(await readFile(`${path}.tmp`, 'utf8'), 'mine');
  assert.deepEqual((await readdir(folder)).sort(), ['x', 'x.tmp']);
});

test('links stay links', noUnix, async (t) => {
  const folder = await temporaryFolder(t);
  const [target, soft, hard, dangling] = ['target', 'soft', 'hard', 'dangling'].map((name) => join(folder, name));
  await writeFile(target!, 'a much longer text than before');
  await link(target!, hard!);
  await symlink('target', soft!);
  await symlink('later', dangling!);
  for (const [path, content] of [
    [soft!, '1'],
    [hard!, '2'],
  ] as const) {
    await writeOutput(path, content);
    for (const other of [target!, soft!, hard!]) assert.equal(await readFile(other, 'utf8'), content);
  }
  await writeOutput(dangling!, '3');
  assert.equal(await readFile(join(folder, 'later'), 'utf8'), '3');
  assert.deepEqual([await readlink(soft!), await readlink(dangling!)], ['target', 'later']);
  assert.equal((await stat(target!)).nlink, 2);
});

test('devices and pipes are written to', noUnix, async (t) => {
  const folder = await temporaryFolder(t);
  const before = await stat('/dev/null');
  await writeOutput('/dev/null', 'x');
  await writeOutput('/dev/null', 'x', { isBeat: true });
  assert.equal((await stat('/dev/null')).rdev, before.rdev);

  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  await writeOutput(pipe, 'beat', { isBeat: true }); // nobody reads: not waited for
  const reader = spawn('cat', [pipe], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [, [data]] = await Promise.all([writeOutput(pipe, 'through'), once(reader.stdout, 'data')]);
  assert.equal(String(data), 'through');
  assert.ok((await lstat(pipe)).isFIFO());
});

test('what a shell redirects goes on after it', noUnix, async (t) => {
  const folder = await temporaryFolder(t);
  const run = (script: string) => spawnSync('bash', ['-c', script], { encoding: 'utf8', cwd: folder });
  const child = `"${process.execPath}" "${CHILD}"`;
  run(`(echo before; ${child} /dev/stdout; echo after) > redirected`);
  assert.equal(await readFile(join(folder, 'redirected'), 'utf8'), 'before\ncontent\nafter\n');
  run(`ln -s /proc/self/fd/1 stdout; (echo before; ${child} stdout; echo after) > linked`);
  assert.equal(await readFile(join(folder, 'linked'), 'utf8'), 'before\ncontent\nafter\n');
  assert.equal(run(`${child} /dev/stdout | cat`).stdout, 'content\n');
  assert.equal(
    run(`${child} >(cat > got; mv got done); until [ -e done ]; do sleep 0.02; done; cat done`).stdout,
    'content\n',
  );
});

test('a bind-mounted file is written to, also in a folder that cannot be', noUnix, async (t) => {
  const folder = await temporaryFolder(t);
  const [inside, outside] = ['inside', 'outside'].map((name) => join(folder, name));
  await mkdir(inside!);
  for (const path of [join(inside!, 'x'), outside!]) await writeFile(path, 'a longer text');
  const script = `mount --bind "${outside}" "${inside}/x" && "${process.execPath}" "${CHILD}" "${inside}/x"`;
  const { status, stderr } = spawnSync('unshare', ['-m', 'bash', '-c', script], { encoding: 'utf8' });
  if (/unshare|mount/.test(stderr) && !stderr.includes('cannot be written')) return t.skip('needs root and unshare');
  assert.equal(status, 0, stderr);
  assert.equal(await readFile(outside!, 'utf8'), 'content\n');
  assert.deepEqual(await readdir(inside!), ['x']);
});

test('says why a file cannot be written', async (t) => {
  const folder = await temporaryFolder(t);
  await assert.rejects(writeOutput(folder, ''), { name: 'UserError', message: /cannot be written: it is a folder/ });
  await assert.rejects(writeOutput(join(folder, 'a', 'b'), ''), {
    message: /b cannot be written: there is no such file or folder/,
  });
});
