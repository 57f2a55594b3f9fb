import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openPredictions, readPredictions } from '../../../src/results/runs/predictions.js';
import { lockFolder } from '../../../src/shared/folder-lock.js';
import { replaceFile } from '../../../src/shared/json-file.js';
import { answered, temporaryFolder } from '../samples.js';

const CHILD = fileURLToPath(new URL('./append-in-folder.js', import.meta.url));
const UNSHARE = ['unshare', '--pid', '--fork', '--mount-proc', '--uts', '--kill-child'];
const canUnshare = process.platform === 'linux' && spawnSync(UNSHARE[0]!, [...UNSHARE.slice(1), 'true']).status === 0;
const namespaces = { skip: !canUnshare && 'needs root and unshare' };

/** Starts the child, in namespaces of its own as in a container with the same host name. */
function startChild(folder: string) {
  const child = spawn(UNSHARE[0]!, [...UNSHARE.slice(1), process.execPath, CHILD, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (data) => {
    output += data;
  });
  const reach = async (rows: number): Promise<void> => {
    while (output.split('\n').length <= rows) await sleep(10);
  };
  const nodePid = (): number =>
    Number(
      spawnSync('pgrep', ['-P', String(child.pid)], { encoding: 'utf8' })
        .stdout.trim()
        .split('\n')[0],
    );
  return { child, reach, nodePid, output: () => output, ended: once(child, 'close') };
}

const lines = (output: string): number[] =>
  output
    .split('\n')
    .filter((line) => /^\d+$/.test(line))
    .map(Number);

test(
  'a process of another PID namespace that lives keeps its folder, whatever its number means here',
  namespaces,
  async (t) => {
    const folder = await temporaryFolder(t);
    const { child, reach, ended } = startChild(folder);
    t.after(() => child.kill('SIGKILL'));
    await reach(3);
    const waits: string[] = [];
    const options = { lapseMs: 1000, onWait: (message: string) => waits.push(message) };
    await assert.rejects(
      lockFolder(folder, options),
      /is in use by another run \(process \d+ on .*Wait for it to end, or stop it/,
    );
    assert.equal(waits.length, 1, 'it was watched, not taken for dead');
    child.kill('SIGKILL');
    await ended;
  },
);

test('an owner that was suspended until it lost the folder does no harm when it resumes', namespaces, async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, 'predictions.jsonl');
  const { child, reach, nodePid, output, ended } = startChild(folder);
  t.after(() => child.kill('SIGKILL'));
  await reach(20);
  const pid = nodePid();
  process.kill(pid, 'SIGSTOP');
  await sleep(100);
  const acknowledged = lines(output());

  const lock = await lockFolder(folder, { lapseMs: 500, beatMs: 50 });
  const file = await openPredictions(path, lock);
  for (const row of acknowledged) assert.ok(file.answers.has(row), `row ${row} was acknowledged`);
  await file.append([answered(5000), answered(5001)]);
  process.kill(pid, 'SIGCONT');
  await ended;
  assert.match(output(), /was taken over by another run, since this one gave no sign of life/);
  await file.append([answered(5002)]);
  await file.finish();
  const kept = new Set((await readPredictions(path)).map(({ index }) => index));
  for (const row of [...acknowledged, 5000, 5001, 5002]) assert.ok(kept.has(row), `row ${row} is kept`);
  await lock.release();
  assert.deepEqual(await readdir(folder), ['predictions.jsonl']);
});

test("a writer paused between its check and its write cannot touch the next owner's files", async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, 'predictions.jsonl');
  const frozen = await lockFolder(folder);
  const before = await openPredictions(path); // without an owner: as if its check had passed just before
  await before.append([answered(0)]);
  // It was about to rename a file of its own.
  const pending = join(folder, `metrics.json.${frozen.token}.tmp`);
  await writeFile(pending, '{}');
  await frozen.release();

  const next = await lockFolder(folder);
  await assert.rejects(rename(pending, join(folder, 'metrics.json')), { code: 'ENOENT' });
  const after = await openPredictions(path, next);
  await before.append([answered(1)]); // goes into the file that was replaced
  await after.append([answered(2)]);
  await assert.rejects(
    replaceFile(join(folder, 'metrics.json'), async () => {}, frozen),
    /was taken over by another run/,
  );
  await after.finish();
  assert.deepEqual(
    (await readPredictions(path)).map(({ index }) => index),
    [0, 2],
  );
  await before.close();
  await next.release();
});

test('a file that another program appends to or changes is detected, and none of it counts as an answer', async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, 'predictions.jsonl');
  const file = await openPredictions(path);
  await file.append([answered(0), answered(1)]);
  await appendFile(path, 'x');
  await assert.rejects(file.append([answered(2)]), /was changed by another program: it has \d+ bytes instead of \d+/);
  await file.close();

  const again = await openPredictions(path);
  const content = await readFile(path);
  content[10]! ^= 1;
  await writeFile(path, content); // in place: the same file
  await assert.rejects(again.finish(), /1 damaged line.*1 answers are gone/);
  await again.close();
});

test("a user's file with a name like a temporary file's is left alone", async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'report.csv.tmp'), 'mine');
  await replaceFile(join(folder, 'report.csv'), (file) => file.writeFile('new'));
  assert.equal(await readFile(join(folder, 'report.csv.tmp'), 'utf8'), 'mine');
  assert.deepEqual((await readdir(folder)).sort(), ['report.csv', 'report.csv.tmp']);
});
