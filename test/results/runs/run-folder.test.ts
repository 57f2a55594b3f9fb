import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type ExistingRun, openRun, type Run } from '../../../src/results/runs/run-folder.js';
import { type RunIdentity, runFolderName } from '../../../src/results/runs/run-identity.js';
import {
  activeSeconds,
  energyOf,
  peakMemoryBytes,
  type RunRecord,
  runFile,
} from '../../../src/results/runs/run-record.js';
import { UserError } from '../../../src/shared/errors.js';
import { isLockFile, lockFolder } from '../../../src/shared/folder-lock.js';
import { identity, temporaryFolder } from '../samples.js';

const unix = { skip: process.platform === 'win32' && 'modes' };
const SESSION = { argv: ['eval', 'textvqa', '--hf-token', 'abc'], settings: { batch: 8 } };

async function open(root: string, existing: ExistingRun = {}, wanted: RunIdentity = identity) {
  const opened = await openRun(root, wanted, SESSION, existing);
  assert.equal(opened.state, 'open');
  return opened as typeof opened & { run: Run; resumed: boolean };
}

/** A process that works on the run; resolves when it has said what came of it. */
async function hold(t: TestContext, root: string): Promise<{ child: ChildProcess; said: string }> {
  const script = fileURLToPath(new URL('./hold-folder.js', import.meta.url));
  const child = spawn(process.execPath, [script, root], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const [said] = (await once(child.stdout!, 'data')) as [Buffer];
  return { child, said: said.toString().trim() };
}

async function kill(child: ChildProcess): Promise<void> {
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

test('a finished run in a read-only folder is shown; an unfinished one says why it cannot be resumed', {
  skip: process.platform === 'win32' && 'modes',
}, async (t) => {
  const root = await mkdtemp('/tmp/llavahr-read-only-'); // other users may not see what is in TMPDIR
  t.after(() => rm(root, { recursive: true }));
  const { run, folder } = await open(root);
  await run.close('interrupted');
  await readOnly(folder, async () => {
    await assert.rejects(openRun(root, identity, SESSION), {
      name: 'UserError',
      message:
        /lock-.*cannot be written: permission denied \(EACCES\)\. Change its permissions, or choose another folder/,
    });
  });
  const again = await open(root);
  await again.run.close('complete');
  await readOnly(folder, async () => {
    const shown = await openRun(root, identity, SESSION);
    assert.deepEqual([shown.state, shown.folder], ['complete', folder]);
    await assert.rejects(openRun(root, identity, SESSION, { fresh: true }), /EACCES/);
    await assert.rejects(openRun(root, identity, SESSION, { reopen: true }), /EACCES/);
  });
});

test('a run whose last state cannot be saved is closed with that error alone', unix, async (t) => {
  const root = await mkdtemp('/tmp/llavahr-read-only-');
  t.after(() => rm(root, { recursive: true }));
  const { run, folder } = await open(root);
  await readOnly(folder, async () => {
    await assert.rejects(run.close('complete'), {
      name: 'UserError',
      message: /run\.json cannot be written: permission denied/,
    });
    await run.close('interrupted'); // by those that clean up
  });
});

/** Takes away the right to write to a folder meanwhile, of root too. */
async function readOnly(folder: string, meanwhile: () => Promise<void>): Promise<void> {
  const folders = [dirname(folder), folder];
  const isRoot = process.getuid?.() === 0;
  for (const one of folders) await chmod(one, 0o555);
  if (isRoot) process.seteuid!(65_534);
  try {
    await meanwhile();
  } finally {
    if (isRoot) process.seteuid!(0);
    for (const one of folders) await chmod(one, 0o755);
  }
}

test('a run from its first to its last state', async (t) => {
  const root = join(await temporaryFolder(t), 'results', 'deep');
  const { run, folder, resumed } = await open(root);
  assert.equal(folder, join(root, runFolderName(identity)));
  assert.equal(resumed, false);
  assert.equal((await runFile.read(folder))!.state, 'running');
  run.startClock();
  await sleep(50);
  await run.close('complete');

  const record = (await runFile.read(folder))!;
  assert.equal(record.state, 'complete');
  assert.deepEqual(record.identity, identity);
  assert.deepEqual(record.sessions[0]!.argv, ['eval', 'textvqa', '--hf-token', '[hidden]']);
  assert.deepEqual(record.sessions[0]!.settings, { batch: 8 });
  assert.ok(activeSeconds(record) >= 0.045 && activeSeconds(record) < 20);
  assert.ok(Date.parse(record.finishedAt!) >= Date.parse(record.createdAt));
  assert.deepEqual(await readdir(folder), ['run.json']);

  const again = await openRun(root, identity, SESSION);
  assert.equal(again.state, 'complete');
  assert.deepEqual(again.state === 'complete' && again.record, record);
  assert.deepEqual(await readdir(folder), ['run.json'], 'the lock is released');
});

test('the same command resumes; times add up and peak memory is the maximum', async (t) => {
  const root = await temporaryFolder(t);
  const first = await open(root);
  await first.run.close('interrupted');
  const path = join(first.folder, 'run.json');
  const stored = JSON.parse(await readFile(path, 'utf8')) as RunRecord;
  Object.assign(stored.sessions[0]!, { activeSeconds: 1000, peakMemoryBytes: 2 ** 50 });
  await writeFile(path, JSON.stringify(stored));

  const second = await open(root);
  assert.equal(second.resumed, true);
  const energy = () => ({ cpuJoules: 40, gpuJoules: null, questions: 8 });
  second.run.startClock({ memoryElsewhere: () => 1, energy });
  await sleep(20);
  await second.run.close('complete');
  const record = (await runFile.read(second.folder))!;
  assert.deepEqual(record.sessions[1]!.energy, { questions: 8, cpuJoules: 40 }, 'without what is not measured');
  const { cpu, gpu } = energyOf(record)!;
  assert.equal(cpu!.joulesPerQuestion, 5, 'over the questions of the session that was measured');
  assert.ok(cpu!.watts > 2 && cpu!.watts < 2100);
  assert.equal(gpu, null);
  assert.equal(record.sessions.length, 2);
  assert.equal(record.createdAt, stored.createdAt);
  assert.ok(activeSeconds(record) > 1000.015 && activeSeconds(record) < 1020);
  assert.equal(peakMemoryBytes(record), 2 ** 50);
});

test('time is saved now and then in case of a crash, not after every batch', async (t) => {
  const { run, folder } = await open(await temporaryFolder(t));
  const noted = async () => activeSeconds((await runFile.read(folder))!);
  const start = Math.round(performance.now()); // so that differences are exact
  let elapsed = 0;
  t.mock.method(performance, 'now', () => start + elapsed);
  run.startClock();
  elapsed = 4000;
  await run.saveProgress();
  assert.equal(await noted(), 0);
  elapsed = 6000;
  run.startClock(); // starts once
  await run.saveProgress();
  assert.equal(await noted(), 6);
  elapsed = 7000;
  await run.saveProgress();
  assert.equal(await noted(), 6);
  await run.close('interrupted');
  assert.equal(await noted(), 7);
});

test('a complete run can be reopened', async (t) => {
  const root = await temporaryFolder(t);
  await (await open(root)).run.close('complete');
  const { run, folder, resumed } = await open(root, { reopen: true });
  assert.equal(resumed, true);
  const record = (await runFile.read(folder))!;
  assert.equal(record.state, 'running');
  assert.equal(record.finishedAt, null);
  await run.close('complete');
});

test('starting over keeps every earlier folder', async (t) => {
  const root = await temporaryFolder(t);
  const name = runFolderName(identity);
  for (const content of ['first', 'second', 'third']) {
    const { run, folder, resumed } = await open(root, { fresh: true });
    assert.equal(resumed, false);
    await writeFile(join(folder, 'predictions.jsonl'), content);
    await run.close('complete');
  }
  assert.deepEqual((await readdir(root)).sort(), [name, `${name}.1`, `${name}.2`]);
  const content = (folder: string) => readFile(join(root, folder, 'predictions.jsonl'), 'utf8');
  assert.deepEqual(await Promise.all([`${name}.1`, `${name}.2`, name].map(content)), ['first', 'second', 'third']);
  assert.deepEqual((await readdir(join(root, `${name}.1`))).filter(isLockFile), []);
});

test('another identity gets another folder', async (t) => {
  const root = await temporaryFolder(t);
  const first = await open(root);
  const second = await open(root, {}, { ...identity, protocol: { ...identity.protocol, limit: 10 } });
  assert.notEqual(first.folder, second.folder);
  assert.equal(second.resumed, false);
  await first.run.close('interrupted');
  await second.run.close('interrupted');
});

test('a folder with another run is rejected, naming the field that differs', async (t) => {
  const root = await temporaryFolder(t);
  const { run, folder } = await open(root);
  await run.close('interrupted');
  const record = (await runFile.read(folder))!;
  record.identity.split = 'train';
  await runFile.write(folder, record);
  await assert.rejects(open(root), /contains another run: split is "train" there and "val" here.*--fresh/);
  await (await open(root, { fresh: true })).run.close('complete');
});

test('a folder with files but no run.json is refused, an empty one is taken', async (t) => {
  const root = await temporaryFolder(t);
  const folder = join(root, runFolderName(identity));
  await mkdir(folder);
  await writeFile(join(folder, 'predictions.jsonl'), '');
  await assert.rejects(open(root), /has no run\.json but contains predictions\.jsonl/);
  assert.deepEqual(await readdir(folder), ['predictions.jsonl'], 'the lock is released');
  await (await open(root, { fresh: true })).run.close('complete');
});

test('an output folder that cannot be created is named', async (t) => {
  const root = await temporaryFolder(t);
  await writeFile(join(root, 'results'), 'a file');
  await assert.rejects(
    open(join(root, 'results')),
    (error) => error instanceof UserError && /cannot be made: a part of its path is a file/.test(error.message),
  );
});

test('a second process is refused with an error naming the first', async (t) => {
  const root = await temporaryFolder(t);
  const first = await hold(t, root);
  assert.equal(first.said, 'open');
  const second = await hold(t, root);
  assert.match(second.said, new RegExp(`is in use by another run \\(process ${first.child.pid} on `));
  await assert.rejects(
    open(root, { fresh: true }),
    new RegExp(`process ${first.child.pid} `),
    'nor can it be moved aside',
  );
  const folder = join(root, runFolderName(identity));
  assert.equal((await readdir(folder)).filter(isLockFile).length, 1, "the refused ones' locks are gone");
  assert.equal((await runFile.read(folder))!.sessions.length, 1, 'and they wrote nothing');
});

test('at most one of many simultaneous processes gets the run', async (t) => {
  const root = await temporaryFolder(t);
  const said = (await Promise.all(Array.from({ length: 4 }, () => hold(t, root)))).map((held) => held.said);
  assert.ok(said.filter((word) => word === 'open').length <= 1, said.join('\n'));
  for (const word of said) assert.match(word, /^open$|is in use by another run/);
});

test('two runs in one process cannot share a folder either', async (t) => {
  const folder = await temporaryFolder(t);
  for (let round = 0; round < 5; round++) {
    const results = await Promise.allSettled([lockFolder(folder), lockFolder(folder), lockFolder(folder)]);
    const locks = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    assert.ok(locks.length <= 1);
    for (const lock of locks) await lock.release();
    assert.deepEqual(await readdir(folder), []);
  }
});

test('the lock of a killed process is taken over', async (t) => {
  const root = await temporaryFolder(t);
  const { child } = await hold(t, root);
  await kill(child);
  const { run, folder, resumed } = await open(root);
  assert.equal(resumed, true);
  assert.equal((await readdir(folder)).filter(isLockFile).length, 1);
  await run.close('interrupted');
  assert.equal((await runFile.read(folder))!.sessions.length, 2);
});

/** Boot and PID namespace of this process, as a lock of its own has them. */
const space = await (async () => {
  const folder = await mkdtemp(join(tmpdir(), 'llavahr-space-'));
  const lock = await lockFolder(folder);
  const [name] = await readdir(folder);
  const { space } = JSON.parse(await readFile(join(folder, name!), 'utf8'));
  await lock.release();
  return space as string | null;
})();

const lockOf = (fields: object) =>
  JSON.stringify({
    pid: process.pid,
    startedAt: new Date().toISOString(),
    host: hostname(),
    process: null,
    space,
    beats: 0,
    ...fields,
  });
const LOCK = `lock-${'0'.repeat(16)}.json`;

for (const [name, lock] of [
  ['another process that has its number now', lockOf({ process: '123' })],
  ['a process from before the last reboot', lockOf({ startedAt: '2001-01-01T00:00:00.000Z' })],
] as const) {
  test(`a lock does not hold for ${name}`, async (t) => {
    const folder = await temporaryFolder(t);
    await writeFile(join(folder, LOCK), lock);
    const own = await lockFolder(folder);
    assert.equal((await readdir(folder)).length, 1);
    await own.release();
    assert.deepEqual(await readdir(folder), []);
  });
}

for (const [name, lock, message] of [
  ['of a living process', lockOf({}), new RegExp(`process ${process.pid} on .*Wait for it to end`)],
  ['that cannot be read', '{', /Cannot read the lock .*lock-0+\.json/],
] as const) {
  test(`a lock holds: one ${name}`, async (t) => {
    const folder = await temporaryFolder(t);
    await writeFile(join(folder, LOCK), lock);
    await assert.rejects(lockFolder(folder), (error) => error instanceof UserError && message.test(error.message));
    assert.deepEqual(await readdir(folder), [LOCK]);
  });
}

test('what a process left that was killed while it made its lock is deleted later; that of a living one is not', async (t) => {
  const folder = await temporaryFolder(t);
  const [old, young] = ['1', '2'].map((digit) => `${LOCK}.${digit.repeat(16)}.tmp`);
  for (const name of [old!, young!]) await writeFile(join(folder, name), '');
  const past = new Date(Date.now() - 10 * 60_000);
  await utimes(join(folder, old!), past, past);
  const own = await lockFolder(folder);
  await own.release();
  assert.deepEqual(await readdir(folder), [young]);
});

test("another machine's lock holds while it is renewed, and is taken over when it expires", async (t) => {
  const folder = await temporaryFolder(t);
  const beat = (beats: number) =>
    writeFile(join(folder, LOCK), lockOf({ host: 'elsewhere', space: 'another boot', pid: 1, beats }));
  await beat(0);
  let beats = 0;
  const beating = setInterval(() => void beat(++beats), 50);
  const waits: string[] = [];
  const options = { lapseMs: 400, beatMs: 20, onWait: (message: string) => waits.push(message) };
  await assert.rejects(lockFolder(folder, options), /process 1 on elsewhere since .* Wait for it to end, or stop it/);
  clearInterval(beating);
  assert.match(
    waits[0]!,
    /in use by another run \(process 1 on elsewhere .* Waiting up to 0 s to see whether it is still alive/,
  );

  const own = await lockFolder(folder, options);
  const [name, ...others] = await readdir(folder);
  assert.deepEqual(others, []);
  assert.notEqual(name, LOCK);
  const beatsOf = async () => JSON.parse(await readFile(join(folder, name!), 'utf8')).beats as number;
  await sleep(200);
  assert.ok((await beatsOf()) > 0, 'and it shows other machines that it lives');
  await own.check();
  await rm(join(folder, name!));
  await sleep(200);
  await assert.rejects(own.check(), /was taken over by another run/);
  await own.release();
  assert.deepEqual(await readdir(folder), []);
});

for (const [what, fields] of [
  ['of the same host name but another boot or PID namespace', { space: 'another' }],
  ['of a version that noted neither', { space: undefined }],
] as const) {
  test(`a lock ${what} is watched, not taken over at once`, async (t) => {
    const folder = await temporaryFolder(t);
    await writeFile(join(folder, LOCK), lockOf({ ...fields, pid: 999_999_999 }));
    const waits: string[] = [];
    const own = await lockFolder(folder, { lapseMs: 200, onWait: (message) => waits.push(message) });
    assert.equal(waits.length, 1);
    await own.release();
  });
}

test('a folder of another major version is not resumed', async (t) => {
  const root = await temporaryFolder(t);
  const { run, folder } = await open(root);
  await run.close('interrupted');
  const record = (await runFile.read(folder))!;
  record.sessions[0]!.software.llavahr = '7.2.1';
  await runFile.write(folder, record);
  await assert.rejects(
    open(root),
    /was created by llavahr 7\.2\.1 and cannot be resumed by version \d.*\. Start over with --fresh/,
  );
  assert.deepEqual(await readdir(folder), ['run.json'], 'the lock is released');
});
