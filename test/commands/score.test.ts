import assert from 'node:assert/strict';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { findBenchmark } from '../../src/benchmarks/registry.js';
import { textVqa } from '../../src/benchmarks/textvqa.js';
import { scoreCommand } from '../../src/commands/score.js';
import { sampleData } from '../../src/evaluation/sample.js';
import { publishedJson } from './json-schemas.js';
import { printed } from './print.js';

const folder = await mkdtemp(join(tmpdir(), 'llavahr-score-command-'));
after(() => rm(folder, { recursive: true }));

/** Annotations without their images. */
const data = join(folder, 'textvqa');
await cp(join(sampleData('textvqa'), 'TextVQA_0.5.1_val.json'), join(data, 'TextVQA_0.5.1_val.json'));

const { questions, gold } = await textVqa.load(data, { protocol: 'llava', images: false });
/** LLaVA's answer lines: right ones, but for every fourth question. */
const answers = questions.map(({ index, questionId, text }) =>
  JSON.stringify({ question_id: questionId, prompt: text, text: index % 4 === 0 ? 'nothing' : gold(index) }),
);

async function write(name: string, lines: readonly string[]): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, `${lines.join('\n')}\n`);
  return path;
}

const OPTIONS = { data, protocol: 'llava', allowPartial: false, json: true } as const;

test('scores at full precision as one JSON object, without images', async () => {
  const predictions = await write('all.jsonl', answers);
  const { code, stdout, stderr } = await printed(() => scoreCommand('textvqa', { ...OPTIONS, predictions }));
  assert.deepEqual([code, stderr], [0, '']);
  const { scores, intervals, predictions: counts, counts: questionCounts, ...rest } = publishedJson('score', stdout);
  assert.deepEqual(rest, {
    schemaVersion: 1,
    benchmark: 'textvqa',
    protocol: 'llava',
    split: 'val',
    n: 48,
    failed: 0,
    headline: 'accuracy',
    points: [],
    unparsable: 0,
    notes: [],
    leftOut: null,
    files: [],
  });
  assert.deepEqual([scores, questionCounts], [{ accuracy: 75 }, { accuracy: 48 }]);
  assert.ok(intervals.accuracy.low < 75 && intervals.accuracy.high > 75);
  const none = { missing: 0, unknown: 0, duplicates: 0, otherPrompts: 0, byOrder: 0 };
  assert.deepEqual(counts, { format: 'LLaVA answers', ...none });
});

test('the table has scores with intervals; what does not fit is on stderr', async () => {
  const stranger = JSON.stringify({ question_id: 'other\u001b[2J', prompt: 'What?', text: 'x' });
  const predictions = await write('part.jsonl', [...answers.slice(4), answers[5]!, stranger]);
  const options = { ...OPTIONS, predictions, allowPartial: true, output: join(folder, 'upload'), json: false };
  const { code, stdout, stderr } = await printed(() => scoreCommand('textvqa', options));
  assert.equal(code, 0);
  assert.match(stdout, /^accuracy +% +75 +\[\d\d, \d\d\]$/m);
  assert.match(stdout, /^44 questions, 0 failed$/m);
  assert.match(stdout, /^Note: Scores cover 44 of 48 questions/m);
  assert.match(stderr, /^4 questions without a prediction \(by index\): 0, 1, 2, 3$/m);
  assert.match(stderr, /^1 unknown ids.* \(ignored\): "other\\u001b\[2J"$/m);
  assert.match(stderr, /^1 duplicate ids/m);
  assert.match(stderr, /^--output .*upload: evaluation servers and official scripts take no file of textvqa\.$/m);
});

test('missing predictions are an error, and so is a benchmark that does not exist', async () => {
  const predictions = await write('few.jsonl', answers.slice(4));
  await assert.rejects(scoreCommand('textvqa', { ...OPTIONS, predictions }), { name: 'UserError', exitCode: 1 });
  await assert.rejects(scoreCommand('textvq', { ...OPTIONS, predictions }), { name: 'UserError', exitCode: 2 });
});

test('answers made elsewhere: a submission file for a server, and grades by a judge', async (t) => {
  const answered = async (name: string, file: string): Promise<string> => {
    const benchmark = await findBenchmark(name).load(sampleData(name), { protocol: 'llava', images: false });
    const lines = benchmark.questions.map(({ questionId, text }) =>
      JSON.stringify({ question_id: questionId, prompt: text, text: 'The caf\u00e9' }),
    );
    return write(file, lines);
  };
  const output = join(folder, 'upload');
  const predictions = await answered('mmvet', 'mmvet.jsonl');
  const options = { predictions, protocol: 'llava', allowPartial: false, json: false } as const;
  await assert.rejects(scoreCommand('mmvet', options), { message: /Name one with --judge <url> and --judge-model/ });
  const submitted = await printed(() => scoreCommand('mmvet', { ...options, output }));
  assert.deepEqual([submitted.code, submitted.stdout], [0, '']);
  assert.match(submitted.stderr, /^wrote .*mmvet_results\.json$/m);
  assert.match(await readFile(join(output, 'mmvet_results.json'), 'utf8'), /^\{\n {2}"v1_0": "The caf\\u00e9",\n/);

  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ model: 'judge-1', choices: [{ message: { content: '0.5' } }] }));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const judge = { judge: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, judgeModel: 'judge-1' };
  const graded = await printed(() => scoreCommand('mmvet', { ...options, ...judge, judgeRuns: 1, output, json: true }));
  assert.equal(publishedJson('score', graded.stdout).scores.total, 50);
  await assert.rejects(scoreCommand('pope', { ...options, ...judge }), { name: 'UserError', exitCode: 2 });
});
