import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Asked, answer, type Behaviour, refuse, startChatServer } from '../chat/chat-server.js';
import { projectRoot } from '../fixtures.js';
import { llavahr, resultFolder, start, testFolder } from './cli.js';
import { publishedJson } from './json-schemas.js';

const folder = await testFolder();
after(() => rm(folder, { recursive: true }));

const half: Behaviour = ({ asked }, response) => answer(asked, response, '0.5', { model: 'judge-1' });
const isTest = ({ messages }: Asked): boolean => messages[0]!.content === 'Reply with the digit 1.';

test('MM-Vet without a judge leaves the answer file; with one, answers are graded, averaged and not graded twice', async (t) => {
  const output = join(folder, 'mmvet');
  const args = ['eval', 'mmvet', '--output', output];
  const alone = await llavahr(folder, ...args);
  assert.equal(alone.code, 0, alone.stderr);
  const run = await resultFolder(output);
  const metrics = () => JSON.parse(readFileSync(join(run, 'metrics.json'), 'utf8'));
  assert.equal(metrics().headline, null);

  const { url, keys, asked } = await startChatServer(t, half);
  const prices = ['--judge-prices', '10,100'];
  const judged = [...args, '--judge', url, '--judge-model', 'judge-1', '--judge-runs', '2', '--judge-key', 'MY_KEY'];
  const { code, stdout, stderr } = await start(folder, [...judged, ...prices], { MY_KEY: 'secret-key' }).result;
  assert.equal(code, 0, stderr);
  assert.match(
    stderr,
    /Judge judge-1: 72 requests, about \d+ prompt tokens, at most 216 completion tokens: 0\.\d{4} by/,
  );
  assert.match(stderr, /Judge judge-1: used 43200 prompt tokens, 144 completion tokens: 0\.4464 by --judge-prices/);
  assert.ok(isTest(asked[0]!), 'asked before the model runs');
  assert.match(stdout, /total \(%\) +50 +\[\d\d, \d\d\]/);
  assert.equal(metrics().scores.total, 50);
  assert.deepEqual([...keys], ['Bearer secret-key']);
  assert.doesNotMatch(readFileSync(join(run, 'run.json'), 'utf8') + stderr + stdout, /secret-key/);

  keys.clear();
  assert.equal((await start(folder, judged, { MY_KEY: 'secret-key' }).result).code, 0);
  assert.equal(keys.size, 0, 'a graded run is complete');

  const other = judged.map((argument) => (argument === 'judge-1' ? 'judge-2' : argument));
  assert.equal((await start(folder, other, { MY_KEY: 'secret-key' }).result).code, 0);
  assert.equal(keys.size, 1, "another judge is asked, not answered with the first one's grades");
  const { model, server: recorded, runs, missing } = metrics().judge;
  assert.deepEqual([model, recorded, runs, missing], ['judge-2', url, 2, 0]);
  assert.match(
    metrics().notes[0],
    /^Graded by judge-2 at http:\/\/127\.0\.0\.1:\d+\/v1, 2 times each, on \d{4}-\d\d-\d\d\.$/,
  );
  assert.equal(metrics().notes[1], "The judge's server calls the model judge-1.");
});

test('grades of several models under one name are told', async (t) => {
  let gradings = 0;
  const { url } = await startChatServer(t, ({ asked }, response) =>
    answer(asked, response, '0.5', { model: isTest(asked) || gradings++ < 2 ? 'judge-2023' : 'judge-2024' }),
  );
  const output = join(folder, 'two-judges');
  const asked = ['--judge', url, '--judge-model', 'judge', '--judge-runs', '1'];
  const { code, stdout } = await llavahr(folder, 'eval', 'mmvet', '--limit', '4', '--output', output, ...asked);
  assert.equal(code, 0);
  assert.match(stdout.replace(/\s+/g, ' '), /The grades are of different models, .*: judge-2023, judge-2024\./);
});

test('failed gradings are exit code 3, Ctrl-C while judging is 130; the same command requests only what is missing', async (t) => {
  let gradings = 0;
  let state: 'refuses' | 'hangs' | 'grades' = 'refuses';
  const server = await startChatServer(t, async (request, response) => {
    if (isTest(request.asked)) return half(request, response);
    gradings++;
    if (state === 'hangs') return;
    if (state === 'refuses' && gradings <= 2) refuse(response, 400, 'filtered');
    else await half(request, response);
  });
  const asked = ['--judge', server.url, '--judge-model', 'm', '--judge-runs', '1'];
  const args = ['eval', 'mmvet', '--limit', '4', '--output', join(folder, 'missing'), ...asked];
  const first = await llavahr(folder, ...args);
  assert.equal(first.code, 3, first.stderr);
  assert.match(first.stderr, /2 gradings failed\. Rerun the same command to request them again\./);

  [gradings, state] = [0, 'hangs'];
  const running = start(folder, args);
  while (gradings < 2) await sleep(20);
  running.process.kill('SIGINT');
  const stopped = await running.result;
  assert.equal(stopped.code, 130, stopped.stderr);
  assert.match(stopped.stderr, /Interrupted: 4 of 4 answers and the grades so far are in/);

  [gradings, state] = [0, 'grades'];
  const last = await llavahr(folder, ...args);
  assert.equal(last.code, 0, last.stderr);
  assert.equal(gradings, 2);
});

test('a judge that cannot be used is told before anything else, and leaves no run folder', async (t) => {
  const locked = await startChatServer(t, (_request, response) => refuse(response, 401, 'no such key'));
  const unknown = await startChatServer(t, (_request, response) => refuse(response, 404, 'no such model'), {
    pages: { '/v1/models': { data: [{ id: 'other-judge' }] } },
  });
  const output = join(folder, 'unusable');
  const cases: [string[], number, RegExp][] = [
    [['http://127.0.0.1:9/v1'], 1, /did not answer a test question to the judge: .*refused the connection/],
    [[locked.url], 1, /401 .*no such key/],
    [[unknown.url], 1, /404 .*It offers other-judge\./],
    [[locked.url, '--judge-key', 'NOT_SET'], 1, /NOT_SET is not set or empty/],
    [['localhost:8000'], 2, /"localhost:8000" is not an address such as/],
  ];
  const results = await Promise.all(
    cases.map(([judge]) =>
      llavahr(folder, 'eval', 'mmvet', '--judge-model', 'm', '--output', output, '--judge', ...judge),
    ),
  );
  for (const [i, [judge, code, message]] of cases.entries()) {
    assert.equal(results[i]!.code, code, `${judge}: ${results[i]!.stderr}`);
    assert.match(results[i]!.stderr, message);
  }
  assert.ok(!existsSync(output));
});

test('custom questions are answered and scored with the chosen metric', async () => {
  const questions = join(folder, 'own.jsonl');
  const images = join(projectRoot, 'sample', 'benchmarks', 'vqav2', 'val2014');
  const image = 'COCO_val2014_000000900001.jpg';
  const text = 'What color is the background?\nAnswer the question using a single word or phrase.';
  const rows = [
    { question_id: 'a', image, text, answer: 'cyan' },
    { question_id: 'b', image, text, answer: 'no such color' },
  ];
  await writeFile(questions, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const output = join(folder, 'own');
  const args = ['eval', 'custom', '--questions', questions, '--images', images, '--output', output, '--json'];
  const { code, stdout, stderr } = await llavahr(folder, ...args, '--metric', 'exact');
  assert.equal(code, 0, stderr);
  const { metrics } = publishedJson('eval', stdout).runs[0];
  assert.equal(metrics.scores[metrics.headline], 50);

  const incomplete = await llavahr(folder, 'eval', 'custom', '--questions', questions);
  assert.equal(incomplete.code, 2);
  assert.match(incomplete.stderr, /custom needs --questions and --metric/);
});

test('eval all: every benchmark in one table; one that fails does not stop the others', async () => {
  const all = await llavahr(folder, 'eval', 'all', '--limit', '4', '--output', join(folder, 'all'));
  assert.equal(all.code, 0, all.stderr);
  for (const name of [
    'vqav2',
    'gqa',
    'okvqa',
    'ocrvqa',
    'scienceqa',
    'vizwiz',
    'textvqa',
    'pope',
    'mme',
    'seed',
    'mmvet',
  ]) {
    assert.match(all.stdout, new RegExp(`\\n${name} `));
  }
  const data = join(folder, 'textvqa-only');
  await mkdir(data);
  await symlink(join(projectRoot, 'sample', 'benchmarks', 'textvqa'), join(data, 'textvqa'));
  const args = ['--data', data, '--limit', '4', '--output', join(folder, 'some')];
  const some = await llavahr(folder, 'eval', 'gqa,textvqa', ...args);
  assert.notEqual(some.code, 0);
  assert.match(some.stderr, /error: gqa: .*textvqa-only/);
  assert.match(some.stdout, /\ntextvqa val +accuracy/);
});

test("scoring a run's own predictions file gives the run's scores, without the model", async () => {
  const output = join(folder, 'scored');
  const [run] = publishedJson(
    'eval',
    (await llavahr(folder, 'eval', 'vqav2', '--output', output, '--json')).stdout,
  ).runs;
  const predictions = join(await resultFolder(output), 'predictions.jsonl');
  const { code, stdout } = await llavahr(folder, 'score', 'vqav2', '--predictions', predictions, '--json');
  assert.equal(code, 0);
  assert.deepEqual(publishedJson('score', stdout).scores, run.metrics.scores);
});

test('options that mean nothing for a benchmark are usage errors before anything is run', async () => {
  const refused: [string[], RegExp][] = [
    [['eval', 'textvqa', '--split', 'nonsense'], /textvqa has no split "nonsense"\. Available: val\./],
    [['eval', 'pope', '--ocr-tokens'], /--ocr-tokens has no meaning for pope/],
    [['eval', 'gqa', '--questions', 'own.jsonl'], /--questions has no meaning for gqa/],
    [['eval', 'vqav2', '--metric', 'exact'], /--metric has no meaning for vqav2/],
    [['eval', 'textvqa', '--judge', 'http://127.0.0.1:1', '--judge-model', 'm'], /--judge has no meaning for textvqa/],
    [['eval', 'textvqa', '--judge-runs', '3'], /--judge-runs has no meaning for textvqa/],
    [['eval', 'mmvet', '--judge-runs', '3'], /--judge and --judge-model must be given together/],
    [
      ['eval', 'custom', '--questions', 'q', '--images', 'i', '--metric', 'exact', '--protocol', 'llava'],
      /--protocol has no meaning for custom/,
    ],
    [['show', 'mme', '--no-ocr-tokens'], /--no-ocr-tokens has no meaning for mme/],
    [['score', 'gqa', '--predictions', 'x', '--ocr-tokens'], /--ocr-tokens has no meaning for gqa/],
    [['ablate', 'textvqa', '--resolutions', '128', '--split', 'nonsense'], /no split "nonsense"/],
    [['download', 'model', 'llava-hr-7b', '--split', 'val'], /--split.* are for benchmarks/],
  ];
  for (const [args, message] of refused) {
    const { code, stdout, stderr } = await llavahr(folder, ...args);
    assert.equal(code, 2, `${args.join(' ')}: ${stderr}`);
    assert.match(stderr, message);
    assert.equal(stdout, '');
  }
});
