import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { cp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { sampleData } from '../../src/evaluation/sample.js';
import { llavahr, start, testFolder } from './cli.js';

const folder = await testFolder();
after(() => rm(folder, { recursive: true }));

type Line = Record<string, unknown> & { level: string; event: string };

function linesOf(path: string): Line[] {
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Line);
}

/** The sample with one image that is none. */
const data = join(folder, 'data');
await cp(sampleData('textvqa'), data, { recursive: true });
const { data: records } = JSON.parse(readFileSync(join(data, 'TextVQA_0.5.1_val.json'), 'utf8'));
await writeFile(join(data, 'train_images', `${records[0].image_id}.jpg`), 'no image');

const SECRET = `hf_${'a1'.repeat(17)}`;

test('a log file at the level debug has milestones, batches and failed questions, but no secrets', async () => {
  const [log, heartbeat, output] = [join(folder, 'log.jsonl'), join(folder, 'heartbeat.json'), join(folder, SECRET)];
  const files = ['--log-level', 'debug', '--log-file', log, '--heartbeat', heartbeat];
  const { code, stderr } = await llavahr(folder, 'eval', 'textvqa', '--data', data, '--output', output, ...files);
  assert.equal(code, 3);
  assert.match(stderr, /\d+\/48, /, 'stderr looks as it does without a log');
  assert.doesNotMatch(stderr, /batch/);

  const lines = linesOf(log);
  const events = lines.map(({ event }) => event);
  for (const event of ['start', 'benchmark-loaded', 'run', 'batch-size', 'model-loaded', 'answered', 'end']) {
    assert.equal(events.filter((one) => one === event).length, 1, event);
  }
  const failures = lines.filter(({ event }) => event === 'question-failed');
  assert.ok(
    failures.length > 0 && failures.every(({ level, code }) => level === 'warn' && code === 'image-unreadable'),
  );
  const rows = lines.filter(({ event }) => event === 'batch').flatMap((line) => line['rows'] as number[]);
  assert.equal(rows.length + failures.length, 48);
  assert.ok(
    lines.every(({ time, level, pid }) => typeof time === 'string' && typeof level === 'string' && Number(pid) > 0),
  );
  assert.equal(lines.at(-1)!['exitCode'], 3);
  assert.doesNotMatch(readFileSync(log, 'utf8'), new RegExp(SECRET));

  const beat = JSON.parse(readFileSync(heartbeat, 'utf8'));
  assert.deepEqual(
    { state: beat.state, benchmark: beat.benchmark, questions: beat.questions, sum: beat.answered + beat.failed },
    { state: 'complete', benchmark: 'textvqa', questions: 48, sum: 48 },
  );
  assert.ok(beat.lastBatchAt >= beat.startedAt && beat.writtenAt >= beat.lastBatchAt);
});

test('at the level error stderr has only errors, and the log ends with the reason of the failure', async () => {
  const log = join(folder, 'errors.jsonl');
  const output = join(folder, 'quiet');
  const quiet = await llavahr(
    folder,
    '--log-level',
    'error',
    'eval',
    'textvqa',
    '--limit',
    '4',
    '--data',
    data,
    '--output',
    output,
  );
  assert.deepEqual([quiet.code, quiet.stderr], [3, '']);

  const args = ['eval', 'textvqa', '--data', join(folder, 'nothing'), '--log-file', log, '--log-level', 'error'];
  const { code, stderr } = await llavahr(folder, ...args);
  assert.equal(code, 1);
  assert.match(stderr, /^error: .*nothing.*\n$/);
  const failure = linesOf(log).find(({ event }) => event === 'failure')!;
  assert.match(String(failure['message']), /nothing/);

  const wrong = await llavahr(folder, 'list', '--log-file', join(folder, 'no', 'folder', 'log'));
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /--log-file .* cannot be opened/);
});

test('the heartbeat continues while no question finishes, and stops with the process', async () => {
  const heartbeat = join(folder, 'alive.json');
  const { process: child, result } = start(folder, [
    ...['eval', 'textvqa', '--output', join(folder, 'killed'), '--heartbeat', heartbeat],
    // Slow enough for the second writing.
    ...['--batch-size', '1', '--resolution', '384'],
  ]);
  while (!existsSync(heartbeat)) await sleep(20);
  const first = statSync(heartbeat).mtimeMs;
  while (statSync(heartbeat).mtimeMs === first) await sleep(50);
  assert.match(JSON.parse(readFileSync(heartbeat, 'utf8')).state, /starting|running/);
  child.kill('SIGINT');
  assert.equal((await result).code, 130);
  assert.equal(JSON.parse(readFileSync(heartbeat, 'utf8')).state, 'interrupted');
});
