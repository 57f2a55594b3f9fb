import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { parse } from 'yaml';
import { projectRoot } from '../fixtures.js';

interface Container {
  command: string[];
  args: string[];
  env: { name: string; value: string }[];
  volumeMounts: { name: string; mountPath: string }[];
  livenessProbe?: { exec: { command: string[] } };
}
interface Job {
  apiVersion: string;
  kind: string;
  spec: {
    completionMode?: string;
    completions?: number;
    parallelism?: number;
    template: {
      spec: {
        restartPolicy: string;
        containers: Container[];
        volumes: { name: string; persistentVolumeClaim: { claimName: string } }[];
      };
    };
  };
}

const jobs = ['eval-indexed-job', 'merge-job'].map(
  (name) => parse(readFileSync(join(projectRoot, 'deploy', 'kubernetes', `${name}.yaml`), 'utf8')) as Job,
);
const [evalJob, mergeJob] = jobs as [Job, Job];
const containerOf = (job: Job): Container => job.spec.template.spec.containers[0]!;
const variable = (job: Job, name: string) => containerOf(job).env.find((entry) => entry.name === name)!.value;

test('the manifests are batch jobs that agree on parts, folders and volume', () => {
  for (const job of jobs) {
    assert.equal(job.apiVersion, 'batch/v1');
    assert.equal(job.kind, 'Job');
    const { restartPolicy, volumes, containers } = job.spec.template.spec;
    assert.equal(restartPolicy, 'Never');
    assert.equal(containers.length, 1);
    assert.deepEqual(
      containers[0]!.volumeMounts.map(({ name }) => name),
      volumes.map(({ name }) => name),
    );
    for (const { name, value } of containers[0]!.env) assert.equal(typeof value, 'string', name);
  }
  assert.equal(evalJob.spec.completionMode, 'Indexed');
  assert.equal(String(evalJob.spec.completions), variable(evalJob, 'SHARDS'));
  assert.equal(evalJob.spec.completions, evalJob.spec.parallelism);
  for (const name of ['SHARDS', 'RESULTS', 'LLAVAHR_CACHE'])
    assert.equal(variable(mergeJob, name), variable(evalJob, name));
});

test('the containers call llavahr with the shard of their index, and only real failures fail a pod', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'llavahr-kubernetes-'));
  t.after(() => rm(folder, { recursive: true }));
  const results = join(folder, 'results');
  await mkdir(join(results, 'textvqa-a-shard-1-of-8'), { recursive: true });
  await mkdir(join(results, 'textvqa-a-shard-2-of-8'));
  await mkdir(join(results, 'textvqa-a-shard-1-of-4'));
  // Stands for the tool: prints its arguments, one a line, and exits as told.
  await writeFile(join(folder, 'llavahr'), '#!/bin/sh\nprintf "%s\\n" "$@"\nexit "$STATUS"\n', { mode: 0o755 });
  const run = (job: Job, STATUS: string, JOB_COMPLETION_INDEX: string) => {
    const { command, args } = containerOf(job);
    const env = {
      PATH: `${folder}:${process.env['PATH']}`,
      SHARDS: '8',
      RESULTS: results,
      STATUS,
      JOB_COMPLETION_INDEX,
    };
    const { status, stdout } = spawnSync(command[0]!, [...command.slice(1), ...args], { env });
    return { status, lines: stdout.toString().trim().split('\n') };
  };
  const asked = ['eval', 'textvqa', '--model', 'llava-hr-7b', '--shard'];
  assert.deepEqual(run(evalJob, '0', '0'), {
    status: 0,
    lines: [...asked, '1/8', '--output', results, '--heartbeat', '/tmp/heartbeat.json'],
  });
  assert.deepEqual(run(evalJob, '0', '7').lines.slice(5, 6), ['8/8']);
  assert.deepEqual(
    ['1', '2', '3', '130'].map((status) => run(evalJob, status, '0').status),
    [1, 2, 0, 130],
  );
  assert.deepEqual(run(mergeJob, '3', ''), {
    status: 3,
    lines: ['merge', `${results}/textvqa-a-shard-1-of-8`, `${results}/textvqa-a-shard-2-of-8`, '--output', results],
  });
});

test('a pod is alive as long as its heartbeat is young', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'llavahr-kubernetes-'));
  t.after(() => rm(folder, { recursive: true }));
  const heartbeat = join(folder, 'heartbeat.json');
  const [shell, ...args] = containerOf(evalJob).livenessProbe!.exec.command;
  const probe = () =>
    spawnSync(
      shell!,
      args.map((arg) => arg.replace('/tmp/heartbeat.json', heartbeat)),
    ).status;
  assert.equal(probe(), 1);
  await writeFile(heartbeat, '{}');
  assert.equal(probe(), 0);
  const old = Date.now() / 1000 - 150; // s
  await utimes(heartbeat, old, old);
  assert.equal(probe(), 1);
});
