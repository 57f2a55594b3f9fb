import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { llavahr, readLines, resultFolder, testFolder } from '../commands/cli.js';
import { projectRoot } from '../fixtures.js';
import { slurmMissing, startSlurm, until } from './slurm-cluster.js';

const SHARDS = 2;
const EVAL = ['textvqa', '--resolution', '128', '--batch-size', '1', '--threads', '1'];

test('a job array on a real Slurm: a killed task is submitted again and does only what is missing', {
  skip: slurmMissing(),
}, async (t) => {
  const folder = await testFolder();
  t.after(() => rm(folder, { recursive: true }));
  await mkdir(join(folder, 'slurm'));
  const slurm = await startSlurm(join(folder, 'slurm'));
  t.after(slurm.stop);
  const results = join(folder, 'results');
  const env = {
    ...process.env,
    ...slurm.env,
    PATH: `${join(projectRoot, 'bin')}:${process.env['PATH']}`,
    LLAVAHR_CACHE: join(folder, 'cache'),
    SHARDS: String(SHARDS),
    RESULTS: results,
  };
  const submit = () => {
    const { status, stdout, stderr } = spawnSync(join(projectRoot, 'deploy', 'slurm', 'submit.sh'), EVAL, { env });
    assert.equal(status, 0, stderr.toString());
    assert.match(stdout.toString(), /^prepare \d+, array \d+, merge \d+; logs in /);
  };
  const queue = () => spawnSync('squeue', ['-h', '-o', '%j %T %r'], { env }).stdout.toString();
  const logs = () =>
    readdirSync(join(results, 'logs')).map((name) => `${name}:\n${readFileSync(join(results, 'logs', name), 'utf8')}`);
  const shardFolder = (index: number) => {
    const name =
      existsSync(results) && readdirSync(results).find((one) => one.endsWith(`-shard-${index}-of-${SHARDS}`));
    return name ? join(results, name) : null;
  };
  const lines = (index: number): number => {
    const path = join(shardFolder(index) ?? folder, 'predictions.jsonl');
    return existsSync(path) ? readFileSync(path, 'utf8').split('\n').length - 1 : 0;
  };

  submit();
  await until('the second task at work', () => lines(2) >= 2, 180_000);
  const killed = shardFolder(2)!;
  const lock = readdirSync(killed).find((name) => /^lock-.*\.json$/.test(name))!;
  process.kill(JSON.parse(readFileSync(join(killed, lock), 'utf8')).pid, 'SIGKILL');
  await until('the end of the jobs', () => queue() === '', 180_000);
  const answered = lines(2);
  assert.ok(answered >= 2 && answered < 24, `${answered} answers before the kill\n${logs().join('\n')}`);
  assert.equal(JSON.parse(readFileSync(join(shardFolder(1)!, 'run.json'), 'utf8')).state, 'complete');
  assert.ok(!logs().some((log) => log.startsWith('llavahr-merge')), 'the merge job has not run');

  submit();
  await until('the end of the jobs', () => queue() === '', 180_000);
  const sessions = [1, 2].map(
    (index) => JSON.parse(readFileSync(join(shardFolder(index)!, 'run.json'), 'utf8')).sessions,
  );
  assert.deepEqual(
    sessions.map(({ length }) => length),
    [1, 2],
    'the finished task did nothing, the killed one continued',
  );
  const batches = readFileSync(join(killed, 'batches.jsonl'), 'utf8').trim().split('\n').length;
  assert.ok(batches === 24 || batches === 23, `24 questions one by one, none twice: ${batches}`);

  const whole = join(folder, 'whole');
  assert.equal((await llavahr(folder, 'eval', ...EVAL, '--output', whole)).code, 0);
  const merged = readdirSync(results).find((name) => /^textvqa-.*-[0-9a-f]{8}$/.test(name));
  assert.ok(merged, logs().join('\n'));
  assert.deepEqual(readLines(join(results, merged)), readLines(await resultFolder(whole)));
  const metrics = (run: string) => readFileSync(join(run, 'metrics.json'), 'utf8');
  assert.equal(metrics(join(results, merged)), metrics(await resultFolder(whole)));
});
