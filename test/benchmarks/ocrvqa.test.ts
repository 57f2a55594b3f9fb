import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { ocrVqa } from '../../src/benchmarks/ocrvqa.js';
import { fixture, projectRoot } from '../fixtures.js';

const folder = await mkdtemp(join(tmpdir(), 'llavahr-ocrvqa-'));
after(() => rm(folder, { recursive: true }));

const DATASET = join(folder, 'dataset.json');
const HR_QUESTIONS = join(folder, 'ocrvqa_test.jsonl');
const SUFFIX = '\nAnswer the question using a single word or phrase.';

const BOOK = {
  imageURL: 'http://images.example.org/51.jpg',
  questions: ['Who wrote this book?', 'What is the title of this book?'],
  answers: ['Clara Wolf ', 'Ancient Castle'],
  title: 'Ancient Castle',
  authorName: 'Clara Wolf',
  genre: 'Travel',
  split: 3,
};

/** Written as text to keep numeric keys in this order. */
async function writeDataset(...books: [string, unknown][]): Promise<void> {
  const members = books.map(([key, book]) => `${JSON.stringify(key)}: ${JSON.stringify(book)}`);
  await writeFile(DATASET, `{${members.join(', ')}}`);
  await rm(HR_QUESTIONS, { force: true });
  await mkdir(join(folder, 'images'), { recursive: true });
}

test("loads the questions of the test split's books in file order", async () => {
  const another = { ...BOOK, questions: ['Is this a Travel book?'], answers: ['Yes'] };
  await writeDataset(['1500000000', BOOK], ['0500000000', { ...BOOK, split: 1 }], ['7', another]);
  const benchmark = await ocrVqa.load(folder, { protocol: 'llava' });
  assert.deepEqual(benchmark.questions, [
    { index: 0, questionId: '1500000000-0', image: '1500000000.jpg', text: `Who wrote this book?${SUFFIX}` },
    { index: 1, questionId: '1500000000-1', image: '1500000000.jpg', text: `What is the title of this book?${SUFFIX}` },
    { index: 2, questionId: '7-0', image: '7.jpg', text: `Is this a Travel book?${SUFFIX}` },
  ]);
  assert.equal(benchmark.maxNewTokens, 128);
  assert.deepEqual(benchmark.protocol, { protocol: 'llava', questionFile: false, limit: null });
  const limited = await ocrVqa.load(folder, { protocol: 'llava', limit: 1 });
  assert.equal(limited.questions.length, 1);
});

test('scores compare exactly, ignoring case and surrounding whitespace', async () => {
  await writeDataset(['1', BOOK]);
  const benchmark = await ocrVqa.load(folder, { protocol: 'llava' });
  assert.equal(benchmark.scoreOne(0, '\nclara WOLF'), 1);
  assert.equal(benchmark.scoreOne(0, 'Clara Wolf.'), 0);
  const { headline, scores, n, failed, perQuestion } = benchmark.score(['clara wolf', null])!;
  assert.deepEqual(
    { headline, n, failed, perQuestion },
    { headline: 'accuracy', n: 2, failed: 1, perQuestion: [1, 0] },
  );
  assert.equal(scores['accuracy'], 50);
});

test("scores match LLaVA-HR's eval_ocrvqa.py on messy texts", async () => {
  const texts: [string, string, number][] = JSON.parse(await readFile(fixture('ocrvqa', 'texts.json'), 'utf8'));
  const [answers, golds] = [texts.map(([answer]) => answer), texts.map(([, gold]) => gold)];
  await writeDataset(['1', { ...BOOK, questions: golds, answers: golds }]);
  const benchmark = await ocrVqa.load(folder, { protocol: 'llava' });
  assert.deepEqual(
    benchmark.score(answers)!.perQuestion,
    texts.map(([, , score]) => score),
  );
});

test("LLaVA-HR's question file is used if present, and the last of duplicate rows counts", async () => {
  await writeDataset(['1', BOOK]);
  const text = `Who wrote this book?${SUFFIX}`;
  const lines = [
    { question_id: 4, image: '1.jpg', text, answer: 'Anna' },
    { question_id: 5, image: '2.jpg', text, answer: 'Ben' },
    { question_id: 4, image: '3.jpg', text, answer: 'Clara' },
  ];
  await writeFile(HR_QUESTIONS, lines.map((line) => JSON.stringify(line)).join('\n'));
  const benchmark = await ocrVqa.load(folder, { protocol: 'llava' });
  assert.deepEqual(
    benchmark.questions.map(({ questionId, image }) => [questionId, image]),
    lines.map(({ question_id, image }) => [question_id, image]),
  );
  assert.deepEqual(benchmark.files, [HR_QUESTIONS]);
  assert.deepEqual(benchmark.score(['Anna', 'ben', 'clara'])!.perQuestion, [0, 1, 1]);
});

test('a cover may keep the extension of its URL', async () => {
  await writeDataset(['1', { ...BOOK, imageURL: 'http://images.example.org/51.gif' }], ['2', BOOK]);
  await writeFile(join(folder, 'images', '1.gif'), 'gif');
  const { images } = await ocrVqa.load(folder, { protocol: 'llava' });
  assert.equal(Buffer.from(await images.read('1.jpg')).toString(), 'gif');
  await assert.rejects(images.read('2.jpg'), { name: 'ImageError', code: 'missing', message: /2\.jpg/ });
  await writeFile(join(folder, 'images', '1.jpg'), 'jpg');
  assert.equal(Buffer.from(await images.read('1.jpg')).toString(), 'jpg');
  await rm(join(folder, 'images', '1.jpg'));
  await rm(join(folder, 'images', '1.gif'));
  await assert.rejects(images.read('1.jpg'), { name: 'ImageError', code: 'missing', message: /1\.jpg/ });
});

test('the embedded sample loads and its correct answers score 100', async () => {
  const benchmark = await ocrVqa.load(join(projectRoot, 'sample', 'benchmarks', 'ocrvqa'), { protocol: 'llava' });
  assert.equal(benchmark.questions.length, 56);
  for (const { image } of benchmark.questions) assert.ok((await benchmark.images.read(image!)).length > 0);
  const { scores } = benchmark.score(benchmark.questions.map(({ index }) => benchmark.gold(index)))!;
  assert.equal(scores['accuracy'], 100);
});

const BROKEN: readonly { what: string; book: unknown; message: RegExp }[] = [
  {
    what: 'a book with more questions than answers',
    book: { ...BOOK, answers: ['x'] },
    message: /dataset\.json, record "1" has 2 questions but 1 answers/,
  },
  { what: 'an unknown split', book: { ...BOOK, split: 4 }, message: /record "1": split / },
  { what: 'no books of the test split', book: { ...BOOK, split: 2 }, message: /no records of the test split/ },
];
for (const { what, book, message } of BROKEN) {
  test(`${what} gives an error that names the place`, async () => {
    await writeDataset(['1', book]);
    await assert.rejects(ocrVqa.load(folder, { protocol: 'llava' }), { name: 'UserError', message });
  });
}

test('missing files give errors, and an unknown split is a usage error', async () => {
  await writeDataset(['1', BOOK]);
  await assert.rejects(ocrVqa.load(folder, { protocol: 'llava', split: 'val' }), { name: 'UserError', exitCode: 2 });
  await rm(join(folder, 'images'), { recursive: true });
  await assert.rejects(ocrVqa.load(folder, { protocol: 'llava' }), { message: /expected images\/, images\.zip/ });
  await rm(DATASET);
  await assert.rejects(ocrVqa.load(folder, { protocol: 'llava' }), {
    message: /dataset\.json does not exist.*ocr-vqa\.github\.io/s,
  });
});
