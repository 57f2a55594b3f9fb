import assert from 'node:assert/strict';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import test from 'node:test';
import { runsCommand } from '../../../src/commands/runs.js';
import { type DamagedRun, type IntactRun, listRuns } from '../../../src/results/runs/list-runs.js';
import { metricsFile } from '../../../src/results/runs/metrics.js';
import { openPredictions } from '../../../src/results/runs/predictions.js';
import { openRun, type Run } from '../../../src/results/runs/run-folder.js';
import type { RunIdentity } from '../../../src/results/runs/run-identity.js';
import { runFile } from '../../../src/results/runs/run-record.js';
import { publishedJson } from '../../commands/json-schemas.js';
import { printed } from '../../commands/print.js';
import { answered, failed, identity, runResult, temporaryFolder } from '../samples.js';

/** A run with answers to the first rows of four; the third has none. */
async function makeRun(root: string, changes: Partial<RunIdentity>, rows: number): Promise<Run> {
  const opened = await openRun(root, { ...identity, ...changes }, { argv: [], settings: { questions: 4 } });
  if (opened.state === 'complete') throw new Error('a new run is not complete');
  const file = await openPredictions(join(opened.folder, 'predictions.jsonl'));
  await file.append([failed(0)]);
  await file.append([0, 1, 2, 3].slice(0, rows).map((row) => (row === 2 ? failed(row) : answered(row))));
  await file.close();
  return opened.run;
}

async function finish(run: Run, failures: number): Promise<void> {
  await metricsFile.write(run.folder, { ...runResult().metrics, n: 4, failed: failures });
  await run.close('complete');
}

test('runs of every state are listed, the latest first; damaged folders come last with the reason', async (t) => {
  const root = await temporaryFolder(t);
  const complete = await makeRun(root, {}, 2);
  await finish(complete, 0);
  const withFailures = await makeRun(root, { split: 'train' }, 4);
  await finish(withFailures, 1);
  const partial = await makeRun(root, { device: 'cuda' }, 2);
  await partial.close('interrupted');
  const shard = await makeRun(root, { shard: { index: 2, count: 3 } }, 4);
  await shard.close('complete');
  const running = await makeRun(root, { benchmark: 'gqa' }, 3);
  for (const [name, content] of [
    ['not-json', '{'],
    ['other-version', JSON.stringify({ schemaVersion: 9 })],
  ] as const) {
    await mkdir(join(root, name));
    await writeFile(join(root, name, runFile.name), content);
  }
  await mkdir(join(root, 'no-record'));
  await writeFile(join(root, 'no-record', 'predictions.jsonl'), '');
  await mkdir(join(root, 'unrelated'));
  await writeFile(join(root, 'a file'), '');

  const entries = await listRuns(root);
  const byFolder = new Map(entries.map((entry) => [entry.folder, entry]));
  const intact = (run: Run) => {
    const { state, answered, failed, questions, shard, score } = byFolder.get(run.folder) as IntactRun;
    return { state, answered, failed, questions, shard, score: score?.value ?? null };
  };
  const score = runResult().metrics.scores[runResult().metrics.headline!]!;
  assert.deepEqual(intact(complete), { state: 'complete', answered: 4, failed: 0, questions: 4, shard: null, score });
  assert.deepEqual(intact(withFailures), { state: 'failed', answered: 3, failed: 1, questions: 4, shard: null, score });
  const open = { questions: 4, shard: null, score: null };
  assert.deepEqual(intact(partial), { state: 'partial', answered: 2, failed: 0, ...open });
  assert.deepEqual(intact(running), { state: 'running', answered: 2, failed: 1, ...open });
  assert.deepEqual(intact(shard), { ...open, state: 'failed', answered: 3, failed: 1, shard: '2/3' });
  assert.equal(entries.length, 8);
  const times = entries.slice(0, 5).map((entry) => (entry as IntactRun).updatedAt);
  assert.deepEqual(times, [...times].sort().reverse());
  const damaged = entries.slice(5).map(({ state, folder }) => [state, basename(folder)]);
  assert.deepEqual(
    damaged,
    ['no-record', 'not-json', 'other-version'].map((name) => ['damaged', name]),
  );
  assert.match((byFolder.get(join(root, 'not-json')) as DamagedRun).problem, /is not valid JSON/);
  assert.match((byFolder.get(join(root, 'other-version')) as DamagedRun).problem, /schemaVersion|another version/);
  assert.ok(
    (await readdir(running.folder)).some((name) => name.startsWith('lock-')),
    'listing removes no lock',
  );

  const { stdout } = await printed(() => runsCommand(root, { json: false }));
  assert.match(
    stdout,
    /textvqa val +complete +\S+ +[\d.]+ % +4\/4 +llava-hr-7b +1024 +fp32 +cpu +20\d\d-\d\d-\d\d \d\d:\d\d/,
  );
  assert.match(stdout, /textvqa train +1 failed/);
  assert.match(stdout, /gqa val +running, 1 failed +- +- +2\/4/);
  assert.match(stdout, /no-record +run\.json is missing/);
  const json = await printed(() => runsCommand(root, { json: true }));
  assert.deepEqual(publishedJson('runs', json.stdout).runs, entries);
  await running.close('interrupted');
});

test('an empty folder has no runs, a missing one is named', async (t) => {
  const root = await temporaryFolder(t);
  assert.match((await printed(() => runsCommand(root, { json: false }))).stdout, /No run folders in/);
  await assert.rejects(listRuns(join(root, 'missing')), /missing does not exist\.$/);
});
