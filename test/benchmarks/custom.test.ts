import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { loadCustom } from '../../src/benchmarks/custom.js';
import type { MetricName } from '../../src/benchmarks/metrics/metric-names.js';
import { METRICS } from '../../src/benchmarks/metrics/metrics.js';
import { optionLetter } from '../../src/benchmarks/metrics/option-letter.js';
import { projectRoot } from '../fixtures.js';

const folder = await mkdtemp(join(tmpdir(), 'llavahr-custom-'));
after(() => rm(folder, { recursive: true }));
const questions = join(folder, 'q.jsonl');
const images = join(folder, 'images');
await mkdir(images);
await writeFile(join(images, 'a.png'), 'picture');

const LINES = [
  { question_id: 1, image: 'a.png', text: 'What?\nOne word.', answer: 'Dog' },
  { question_id: 'two', image: 'b.png', text: 'Where?', answers: ['here', 'There.'] },
];

async function load(content: string, metric: MetricName = 'exact', limit?: number) {
  await writeFile(questions, content);
  return loadCustom({ questions, images, metric, limit });
}

const asLines = (records: readonly unknown[]) => records.map((record) => JSON.stringify(record)).join('\n');

test('reads questions from JSON Lines or a JSON list', async () => {
  for (const content of [`\uFEFF${asLines(LINES)}\r\n\n`, JSON.stringify(LINES, null, 2)]) {
    const benchmark = await load(content);
    assert.deepEqual(benchmark.questions, [
      { index: 0, questionId: 1, image: 'a.png', text: 'What?\nOne word.' },
      { index: 1, questionId: 'two', image: 'b.png', text: 'Where?' },
    ]);
    assert.equal(benchmark.name, 'custom');
    assert.equal(benchmark.maxNewTokens, 128);
    assert.deepEqual(benchmark.protocol, { metric: 'exact', limit: null });
    assert.equal(Buffer.from(await benchmark.images.read('a.png')).toString(), 'picture');
    await assert.rejects(benchmark.images.read('b.png'), { name: 'ImageError', code: 'missing' });
  }
});

test('refuses what would change a question or its score without a word', async () => {
  const [first] = LINES;
  const refused: readonly [content: string, message: RegExp][] = [
    [
      asLines([first, { ...first, text: 'Other?' }]),
      /q\.jsonl, line 2: question_id 1 is also that of .*q\.jsonl, line 1/,
    ],
    [asLines([first, { ...first, question_id: '1' }]), /question_id "1" is also that of/],
    [asLines([{ ...first, text: ' \n' }]), /q\.jsonl, line 1: the question is empty/],
    [
      asLines([first]).replace('"question_id":1', '"question_id":9007199254740993'),
      /question_id must be <= 9007199254740991/,
    ],
    [asLines([first]).replace('"Dog"', 'NaN'), /line 1: answer is null or NaN/],
  ];
  for (const [content, message] of refused) await assert.rejects(load(content), { name: 'UserError', message });
  await writeFile(questions, Buffer.from(asLines([{ ...first, text: 'caf\xe9?' }]), 'latin1'));
  await assert.rejects(loadCustom({ questions, images, metric: 'exact' }), {
    message: /q\.jsonl, line 1 is not UTF-8/,
  });
});

test('ignores NaN in fields that it does not use', async () => {
  const { questions: asked } = await load(asLines([LINES[0]]).replace('"answer"', '"logprob":NaN,"answer"'));
  assert.equal(asked.length, 1);
});

test('exact compares with any answer, ignoring case, surrounding whitespace and trailing periods', async () => {
  const benchmark = await load(asLines(LINES));
  const { headline, scores, n, failed, unparsable, perQuestion } = benchmark.score([' dog.', 'there'])!;
  assert.deepEqual({ headline, n, failed, unparsable }, { headline: 'accuracy', n: 2, failed: 0, unparsable: 0 });
  assert.deepEqual(perQuestion, [1, 1]);
  assert.equal(scores['accuracy'], 100);
  assert.equal(benchmark.scoreOne(0, 'a dog'), 0);
  assert.equal(benchmark.score(['dog', null])!.failed, 1);
  assert.equal(benchmark.gold(1), 'here');
});

test('vqa is leave-one-out VQA accuracy with EvalAI normalisation', async () => {
  const answers = ['two', 'two', '2', 'three', 'The two', '2.', 'four', 'four', 'five', 'six'];
  const benchmark = await load(asLines([{ ...LINES[0], answer: undefined, answers }]), 'vqa');
  assert.equal(benchmark.scoreOne(0, 'Two!'), 1);
  assert.ok(Math.abs(benchmark.scoreOne(0, '4')! - (8 * (2 / 3) + 2 * (1 / 3)) / 10) < 1e-12);
  await assert.rejects(load(asLines([{ ...LINES[1], answers: ['a', 'b', 'c'] }]), 'vqa'), {
    message: /q\.jsonl, line 1: the metric vqa needs at least 4 answers.*got 3/,
  });
});

test('choice compares option letters and counts answers without one as unparsable', async () => {
  const benchmark = await load(
    asLines([
      { ...LINES[0], answer: '(b)' },
      { ...LINES[0], question_id: 2, answer: 'C' },
    ]),
    'choice',
  );
  const { perQuestion, unparsable } = benchmark.score(['B. a dog', 'the dog'])!;
  assert.deepEqual({ perQuestion, unparsable }, { perQuestion: [1, 0], unparsable: 1 });
  assert.equal(benchmark.scoreOne(1, 'the dog'), 0);
});

const LETTERS: readonly [answer: string, letter: string | null][] = [
  ['B', 'B'],
  [' b\n', 'B'],
  ['(B)', 'B'],
  ['B.', 'B'],
  ['B) a dog', 'B'],
  ['(B) a dog', 'B'],
  ['B: a dog', 'B'],
  ['The answer is (B).', 'B'],
  ['Answer: B because of A', 'B'],
  ['The answer is option B', 'B'],
  ['The answer is B. So the answer is B', 'B'],
  ['The answer is B. No, the answer is C', null],
  ['A dog', null],
  ['B or C', null],
  ['Because', null],
  ['a.m.', null],
  ['The answer is Blue', null],
  ['', null],
  ['5', null],
];
test('option letters are recognised in the common forms only', () => {
  for (const [answer, letter] of LETTERS) assert.equal(optionLetter(answer), letter, answer);
});

test("yes-no interprets answers like POPE's script", () => {
  const grade = METRICS['yes-no']({ answers: ['No.'], options: [] }, {});
  assert.ok(typeof grade === 'function');
  for (const no of ['no', 'No, it is', 'There is not one. Yes']) assert.equal(grade(no), 1, no);
  for (const yes of ['Yes', 'NO', 'none', '', 'Yes. No']) assert.equal(grade(yes), 0, yes);
});

test('limit selects the first questions', async () => {
  assert.equal((await load(asLines(LINES), 'exact', 1)).questions.length, 1);
});

const BROKEN: readonly { what: string; content: string; metric?: MetricName; message: RegExp }[] = [
  { what: 'a broken line', content: `${asLines(LINES)}\n{"question_id"`, message: /q\.jsonl, line 3 is not JSON/ },
  { what: 'a broken list', content: '[{"question_id": 1},]', message: /q\.jsonl is not JSON/ },
  {
    what: 'a question without text',
    content: '{"question_id":1,"image":"a"}',
    message: /q\.jsonl has no "text" in any row/,
  },
  {
    what: 'a number',
    content: `${asLines(LINES)}\n\n5`,
    message: /line 4: a question must be a JSON object, not a number/,
  },
  {
    what: 'a question with answer and answers',
    content: asLines([{ ...LINES[1], answer: 'x' }]),
    message: /line 1 has both "answer" and "answers"/,
  },
  {
    what: 'an answer that is not a letter',
    content: asLines(LINES),
    metric: 'choice',
    message: /line 1: the metric choice needs exactly one answer, an option's letter; got "Dog"/,
  },
  {
    what: 'an answer that is neither yes nor no',
    content: asLines([{ ...LINES[0], answer: 'yes' }, LINES[1]]),
    metric: 'yes-no',
    message: /line 2: the metric yes-no needs exactly one answer, "yes" or "no"; got "here","There\."/,
  },
  { what: 'an empty file', content: '\n', message: /q\.jsonl has no questions/ },
  { what: 'an empty list', content: '[]', message: /q\.jsonl has no questions/ },
];
for (const { what, content, metric, message } of BROKEN) {
  test(`${what} gives an error that names the place`, async () => {
    await assert.rejects(load(content, metric), { name: 'UserError', message });
  });
}

test('missing files give errors', async () => {
  await writeFile(questions, asLines(LINES));
  const missing = join(folder, 'nowhere');
  await assert.rejects(loadCustom({ questions, images: missing, metric: 'exact' }), {
    name: 'UserError',
    message: /image folder or archive .*nowhere does not exist/,
  });
  await assert.rejects(loadCustom({ questions: missing, images, metric: 'exact' }), {
    name: 'UserError',
    message: /nowhere does not exist/,
  });
});

test("the README's own questions have answers, and images among the samples", async () => {
  const benchmark = await loadCustom({
    questions: join(projectRoot, 'sample', 'custom', 'questions.jsonl'),
    images: join(projectRoot, 'sample', 'benchmarks', 'textvqa', 'train_images'),
    metric: 'exact',
  });
  assert.ok(benchmark.questions.length > 0);
  for (const { index, image } of benchmark.questions) {
    assert.ok((await benchmark.images.read(image!)).length > 0);
    assert.equal(benchmark.scoreOne(index, benchmark.gold(index)!), 1);
  }
});
