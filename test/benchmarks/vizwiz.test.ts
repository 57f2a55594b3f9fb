import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, beforeEach } from 'node:test';
import { vizWiz } from '../../src/benchmarks/vizwiz.js';
import { projectRoot } from '../fixtures.js';

const SUFFIX =
  "\nWhen the provided information is insufficient, respond with 'Unanswerable'." +
  '\nAnswer the question using a single word or phrase.';

const folder = await mkdtemp(join(tmpdir(), 'llavahr-vizwiz-'));
after(() => rm(folder, { recursive: true }));

const RECORDS = [
  record('VizWiz_val_00000000.jpg', 'What is THIS? thank you. ', 'other', 1, [...'rrrrrrrrrb']),
  record('VizWiz_val_00000001.jpg', 'how many?', 'unanswerable', 0, Array(10).fill('unanswerable')),
];

function record(image: string, question: string, answer_type: string, answerable: number, answers: string[]) {
  return {
    image,
    question,
    answers: answers.map((answer) => ({ answer, answer_confidence: 'yes' })),
    answer_type,
    answerable,
  };
}

async function write(name: string, document: unknown): Promise<void> {
  await writeFile(join(folder, name), typeof document === 'string' ? document : JSON.stringify(document));
}

beforeEach(async () => {
  await rm(folder, { recursive: true });
  await mkdir(join(folder, 'val'), { recursive: true });
  await mkdir(join(folder, 'test'));
  await write('val.json', RECORDS);
});

test('val: questions are capitalised like Python, keeping spaces', async () => {
  const benchmark = await vizWiz.load(folder, { split: 'val', protocol: 'llava' });
  assert.deepEqual(benchmark.questions, [
    { index: 0, questionId: 0, image: 'VizWiz_val_00000000.jpg', text: `What is this? thank you. ${SUFFIX}` },
    { index: 1, questionId: 1, image: 'VizWiz_val_00000001.jpg', text: `How many?${SUFFIX}` },
  ]);
  assert.deepEqual([0, 1].map(benchmark.gold), ['r', 'unanswerable']);
});

test("val: accuracies of VizWiz's script, lmms-eval's and VQA's, and answerability", async () => {
  const benchmark = await vizWiz.load(folder, { split: 'val', protocol: 'llava' });
  const { headline, scores, statistics, notes } = benchmark.score(['R.', 'Unanswerable'])!;
  assert.equal(headline, 'accuracy');
  assert.equal(scores['accuracy'], 100);
  assert.equal(scores['accuracy-m4c'], 100);
  // VizWiz's answers have no ids: leaving one "r" out removes all nine; if all ten are equal, none remain.
  assert.ok(Math.abs(scores['accuracy-vqa-eval']! - 5) < 1e-9);
  assert.equal(scores['accuracy/unanswerable'], 100);
  assert.equal(scores['answerability-f1'], 100);
  const mainScores = Object.keys(scores).filter((name) => !name.includes('/'));
  assert.deepEqual(Object.keys(statistics), mainScores);
  assert.match(notes.join(' '), /not comparable/);
});

test('lmms-eval uses val and reports its own accuracy', async () => {
  await write('test.json', [{ image: 'VizWiz_test_00000000.jpg', question: 'a?' }]);
  const benchmark = await vizWiz.load(folder, { protocol: 'lmms-eval' });
  assert.deepEqual([benchmark.split, benchmark.score(['r', null])!.headline], ['val', 'accuracy-m4c']);
});

test("test: VizWiz's own file and LLaVA's question file give the same questions", async () => {
  await write('test.json', [
    { image: 'VizWiz_test_00000000.jpg', question: "What is this? And what's the Colour" },
    { image: 'VizWiz_test_00000001.jpg', question: '' },
  ]);
  const native = await vizWiz.load(folder, { protocol: 'llava' });
  assert.equal(native.split, 'test');
  const lines = [
    { question_id: 0, image: 'VizWiz_test_00000000.jpg', text: `What is this? and what's the colour${SUFFIX}` },
    { question_id: 1, image: 'VizWiz_test_00000001.jpg', text: SUFFIX, category: 'default' },
  ];
  await write('llava_test.jsonl', lines.map((line) => JSON.stringify(line)).join('\n'));
  const llava = await vizWiz.load(folder, { protocol: 'llava' });
  assert.deepEqual(llava.questions, native.questions);
  assert.deepEqual([native.protocol['llavaQuestions'], llava.protocol['llavaQuestions']], [false, true]);
  assert.equal(llava.score(['a', 'b']), null);
});

test('test: the upload has each image with its processed answer', async () => {
  await write('test.json', [
    { image: 'VizWiz_test_00000000.jpg', question: 'a' },
    { image: 'VizWiz_test_00000001.jpg', question: 'b' },
  ]);
  const benchmark = await vizWiz.load(folder, { protocol: 'llava' });
  assert.deepEqual(JSON.parse(benchmark.submission(['The Two.', null])[0]!.content), [
    { image: 'VizWiz_test_00000000.jpg', answer: '2' },
    { image: 'VizWiz_test_00000001.jpg', answer: '' },
  ]);
});

test('the embedded sample loads as val and is scored', async () => {
  const benchmark = await vizWiz.load(join(projectRoot, 'sample', 'benchmarks', 'vizwiz'), { protocol: 'llava' });
  assert.deepEqual([benchmark.split, benchmark.questions.length], ['val', 42]);
  assert.ok((await benchmark.images.read(benchmark.questions[41]!.image!)).length > 0);
  const { scores, n } = benchmark.score(benchmark.questions.map(({ index }) => benchmark.gold(index)))!;
  assert.equal(n, 42);
  assert.ok(scores['accuracy']! > 90);
});

test('invalid and missing files give errors that name the place', async () => {
  const load = () => vizWiz.load(folder, { split: 'val', protocol: 'llava' });
  await write('val.json', [RECORDS[0], { ...RECORDS[1], answerable: 'no' }]);
  await assert.rejects(load(), {
    name: 'UserError',
    message: /val\.json, record 2: answerable must be equal to one of/,
  });
  await write('val.json', { a: 1 });
  await assert.rejects(load(), { name: 'UserError', message: /val\.json has no list\./ });
  await write('val.json', RECORDS);
  await rm(join(folder, 'val'), { recursive: true });
  await assert.rejects(load(), { name: 'UserError', message: /expected val\/, val\.zip.*images\/val\.zip/ });
  await rm(join(folder, 'val.json'));
  await assert.rejects(vizWiz.load(folder, { protocol: 'llava' }), {
    name: 'UserError',
    message: /expected llava_test\.jsonl or test\.json \(split test\) or val\.json \(split val\).*Annotations\.zip/,
  });
});
