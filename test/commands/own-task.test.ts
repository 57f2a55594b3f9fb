import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { cp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { startFileServer } from '../fetch/file-server.js';
import { type CommandResult, llavahr, readLines, resultFolder, start, testFolder } from './cli.js';

const folder = await testFolder();
after(() => rm(folder, { recursive: true }));

const task = join(folder, 'signs', 'task.json');
const FAST = ['--resolution', '128', '--batch-size', '2', '--threads', '1'];
const at = (name: string) => join(folder, name);
const published = {
  model: 'llava-hr-tiny',
  resolution: 128,
  split: 'test',
  score: 61.5,
  source: { title: 'a table', address: 'https://example.org' },
};
const ok = ({ code, stdout, stderr }: CommandResult): string => {
  assert.equal(code, 0, stderr);
  return stdout;
};

assert.match(ok(await llavahr(folder, 'task', 'init', at('signs'))), /signs\/task\.json/);
await writeFile(task, JSON.stringify({ ...JSON.parse(readFileSync(task, 'utf8')), published: [published] }));
const shard = (index: number) =>
  llavahr(folder, 'eval', task, ...FAST, '--shard', `${index}/2`, '--output', at('shards'));
const [whole, ...shards] = await Promise.all([
  llavahr(folder, 'eval', task, ...FAST, '--output', at('whole')),
  shard(1),
  shard(2),
]);

test('a run of a task has scores, intervals, the published number, and is resumed', async () => {
  assert.match(ok(whole), /^signs test, llava-hr-tiny at 128 px/);
  assert.match(whole.stdout, /accuracy \(%\) .*\[\d+, \d+\]/);
  const again = await llavahr(folder, 'eval', task, ...FAST, '--output', at('whole'));
  assert.equal(ok(again), whole.stdout);
  assert.doesNotMatch(again.stderr, /0\/12/);
});

test('files with fewer questions than the split has are told', async () => {
  const other = JSON.parse(readFileSync(task, 'utf8'));
  other.splits.test.questions = 500;
  await writeFile(at('signs/whole.json'), JSON.stringify(other));
  const { code, stderr } = await llavahr(folder, 'eval', at('signs/whole.json'), ...FAST, '--output', at('fewer'));
  assert.equal(code, 0, stderr);
  assert.match(stderr, /signs test has 500 questions, but these files only 12: its score is that of a part\./);
  assert.doesNotMatch(whole.stderr, /that of a part/);
});

test('shards of a task merge into the whole, also where the task file has moved', async () => {
  shards.forEach(ok);
  const run = await resultFolder(at('whole'));
  const folders = [1, 2].map((index) => join(at('shards'), `${run.split('/').at(-1)}-shard-${index}-of-2`));
  ok(await llavahr(folder, 'merge', ...folders, '--output', at('merged')));
  for (const name of ['predictions.jsonl', 'metrics.json', 'references.json']) {
    const [merged, expected] = [await resultFolder(at('merged')), run].map((path) =>
      readFileSync(join(path, name), 'utf8'),
    );
    assert.equal(merged, expected, name);
  }
  await cp(at('signs'), at('moved'), { recursive: true });
  await rename(task, `${task}.away`);
  try {
    const lost = await llavahr(folder, 'merge', ...folders, '--output', at('remerged'));
    assert.equal(lost.code, 1);
    assert.match(
      lost.stderr,
      /signs\/task\.json, the task file of these shards, does not exist\. Say where it is with --task/,
    );
    const moved = ['--task', join(at('moved'), 'task.json')];
    ok(await llavahr(folder, 'merge', ...folders, ...moved, '--output', at('remerged')));
    const run2 = await resultFolder(at('remerged'));
    assert.equal(readFileSync(join(run2, 'metrics.json'), 'utf8'), readFileSync(join(run, 'metrics.json'), 'utf8'));
  } finally {
    await rename(`${task}.away`, task);
  }
});

test('show, list and score take a task, with --json', async () => {
  const run = await resultFolder(at('whole'));
  assert.match(ok(await llavahr(folder, 'show', task, '--index', '3')), /answer: water/);
  const listed = JSON.parse(ok(await llavahr(folder, 'list', task, '--json')));
  assert.equal(listed.benchmarks?.[0]?.name ?? listed[0].benchmark ?? listed[0].name, 'signs');
  const answers = readLines(run).map(({ index, text }) => JSON.stringify({ question_id: index + 1, text }));
  await writeFile(at('answers.jsonl'), answers.join('\n'));
  const scored = JSON.parse(ok(await llavahr(folder, 'score', task, '--predictions', at('answers.jsonl'), '--json')));
  const { scores } = JSON.parse(readFileSync(join(run, 'metrics.json'), 'utf8'));
  assert.deepEqual(scored.scores, scores);
});

test('a report and a comparison contain runs of a task', async () => {
  const run = await resultFolder(at('whole'));
  ok(await llavahr(folder, 'eval', task, '--threads', '1', '--output', at('finer')));
  const compared = ok(await llavahr(folder, 'compare', run, await resultFolder(at('finer'))));
  assert.match(compared, /signs/);
  assert.match(compared, /61\.5/);
  ok(await llavahr(folder, 'report', run, '--output', at('report.html')));
  assert.match(readFileSync(at('report.html'), 'utf8'), /signs.*61\.5/s);
});

test('an ablation takes a task beside a benchmark, and --protocol is refused where it has no meaning', async () => {
  const places = ['--output', at('ablated'), '--report', at('ablations')];
  const ablated = await llavahr(folder, 'ablate', `${task},vstar`, '--resolutions', '128', '--limit', '3', ...places);
  assert.match(ok(ablated), /signs test +vstar test/);
  for (const args of [
    ['show', task],
    ['eval', 'vstar'],
    ['ablate', task],
    ['score', task, '--predictions', task],
  ]) {
    const { code, stderr } = await llavahr(folder, ...args, '--protocol', 'lmms-eval');
    assert.equal(code, 2);
    assert.match(stderr, /--protocol has no meaning for (signs|vstar)\./);
  }
});

test('a task given away alone downloads its data', async () => {
  const questions = await readFile(join(at('signs'), 'questions.csv'));
  const server = await startFileServer({ '/q.csv': { body: questions } });
  const alone = {
    ...JSON.parse(readFileSync(task, 'utf8')),
    name: 'alone',
    licence: 'CC0 of the test',
    image: undefined,
    splits: {
      test: {
        note: 'seen in training',
        files: ['questions.csv'],
        downloads: [{ to: 'questions.csv', urls: [`${server.url}/q.csv`] }],
      },
    },
  };
  await writeFile(at('alone.json'), JSON.stringify(alone));
  const env = { LLAVAHR_DATA: at('data') };
  const run = (...args: string[]) => start(folder, args, env).result;
  try {
    assert.match(
      ok(await run('download', at('alone.json'), '--dry-run')),
      /CC0 of the test.*alone test: seen in training/s,
    );
    assert.equal(server.requests.filter(({ bytes }) => bytes > 0).length, 0);
    const first = await run('eval', at('alone.json'), ...FAST, '--limit', '3', '--output', at('alone'));
    assert.match(ok(first), /^alone test/);
    assert.match(first.stderr, /Downloading alone test.*Licence: CC0 of the test\. Note: seen in training/s);
    assert.equal(
      ok(await run('show', at('alone.json'), '--index', '0')).includes('What does the blue sign say?'),
      true,
    );
  } finally {
    await server.close();
  }
});
