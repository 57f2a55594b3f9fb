import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, beforeEach } from 'node:test';
import { mmVet } from '../../src/benchmarks/mmvet.js';
import { projectRoot } from '../fixtures.js';

const folder = await mkdtemp(join(tmpdir(), 'llavahr-mmvet-'));
after(() => rm(folder, { recursive: true }));
const ANNOTATIONS = join(folder, 'mm-vet.json');
const QUESTIONS = join(folder, 'llava-mm-vet.jsonl');

const RECORD = { imagename: 'v1_1.png', answer: '-1<AND>-5', imagesource: 'web', capability: ['ocr', 'math'] };
const RECORDS = {
  v1_1: { ...RECORD, question: 'What is d in the\nlast equation?' },
  v1_2: { ...RECORD, question: 'What is x in the equation? ' },
};
const LINES = [
  { image: 'v1_1.png', text: 'What is x in the equation? ', category: 'conv', question_id: 2 },
  { image: 'v1_1.png', text: 'What is d in the\nlast equation?', category: 'conv', question_id: 1 },
];

beforeEach(async () => {
  await rm(folder, { recursive: true });
  await mkdir(join(folder, 'images'), { recursive: true });
  await writeFile(join(folder, 'images', 'v1_1.png'), 'picture');
  await writeFile(ANNOTATIONS, JSON.stringify(RECORDS));
});

test('the prompt is the plain question', async () => {
  const benchmark = await mmVet.load(folder, { protocol: 'llava' });
  assert.deepEqual(benchmark.questions, [
    { index: 0, questionId: 1, image: 'v1_1.png', text: 'What is d in the\nlast equation?' },
    { index: 1, questionId: 2, image: 'v1_1.png', text: 'What is x in the equation? ' },
  ]);
  assert.equal(benchmark.maxNewTokens, 2048);
  assert.deepEqual(benchmark.files, [ANNOTATIONS]);
  assert.deepEqual(benchmark.protocol, { protocol: 'llava', questionFile: false, limit: null });
  assert.equal(benchmark.gold(0), '-1<AND>-5');
  assert.equal(benchmark.score(['1', '2']), null);
  assert.equal(Buffer.from(await benchmark.images.read('v1_1.png')).toString(), 'picture');
});

test("LLaVA's question file determines order and prompts", async () => {
  await writeFile(QUESTIONS, LINES.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const built = await mmVet.load(folder, { protocol: 'llava' });
  assert.deepEqual(
    built.questions.map(({ questionId, text }) => ({ questionId, text })),
    LINES.map(({ question_id: questionId, text }) => ({ questionId, text })),
  );
  assert.equal(built.protocol.questionFile, true);
  assert.deepEqual(built.files, [ANNOTATIONS, QUESTIONS]);
});

test('lmms-eval asks for reasoning first', async () => {
  const { questions, maxNewTokens } = await mmVet.load(folder, { protocol: 'lmms-eval', limit: 1 });
  assert.deepEqual(
    questions.map(({ text }) => text),
    [
      'First please perform reasoning, and think step by step to provide best answer to the following question: \n\n' +
        'What is d in the\nlast equation?',
    ],
  );
  assert.equal(maxNewTokens, 1024);
});

test('the answer file has every id, as the official evaluator requires', async () => {
  const benchmark = await mmVet.load(folder, { protocol: 'llava' });
  const [file] = benchmark.submission(['é "1"', null]);
  assert.equal(file!.content, '{\n  "v1_1": "\\u00e9 \\"1\\"",\n  "v1_2": ""\n}');
});

test('the embedded sample loads', async () => {
  const benchmark = await mmVet.load(join(projectRoot, 'sample', 'benchmarks', 'mmvet'), { protocol: 'llava' });
  assert.equal(benchmark.questions.length, 36);
  for (const { image } of benchmark.questions) assert.ok((await benchmark.images.read(image!)).length > 0);
});

test('invalid and missing files give errors that name the place', async () => {
  const load = () => mmVet.load(folder, { protocol: 'llava' });
  await writeFile(QUESTIONS, JSON.stringify({ ...LINES[0], question_id: 7 }));
  await assert.rejects(load(), { name: 'UserError', message: /llava-mm-vet\.jsonl, record 1: .* no question "v1_7"/ });
  await rm(QUESTIONS);
  await writeFile(ANNOTATIONS, JSON.stringify({ ...RECORDS, v1_2: { ...RECORD, question: '?', capability: [] } }));
  await assert.rejects(load(), { name: 'UserError', message: /mm-vet\.json, record "v1_2": capability must NOT/ });
  await writeFile(ANNOTATIONS, JSON.stringify({ ...RECORDS, second: RECORDS.v1_2 }));
  await assert.rejects(load(), { name: 'UserError', message: /mm-vet\.json: invalid id "second"/ });
  await rm(ANNOTATIONS);
  await assert.rejects(load(), { name: 'UserError', message: /mm-vet\.json does not exist.*mm-vet\.zip/ });
  await writeFile(ANNOTATIONS, JSON.stringify(RECORDS));
  await rm(join(folder, 'images'), { recursive: true });
  await assert.rejects(load(), {
    name: 'UserError',
    message: /expected images\/, images\.zip, mm-vet\.zip or \*\.parquet/,
  });
  assert.equal((await mmVet.load(folder, { protocol: 'llava', images: false })).questions.length, 2);
});
