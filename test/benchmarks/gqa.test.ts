import assert from 'node:assert/strict';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { gqa } from '../../src/benchmarks/gqa.js';
import { evaluateFormula } from '../../src/results/statistics/formula.js';
import { fixture, projectRoot } from '../fixtures.js';

const folder = await mkdtemp(join(tmpdir(), 'llavahr-gqa-'));
after(() => rm(folder, { recursive: true }));

const QUESTIONS = join(folder, 'testdev_balanced_questions.json');
const LLAVA_QUESTIONS = join(folder, 'llava_gqa_testdev_balanced.jsonl');
const SUFFIX = '\nAnswer the question using a single word or phrase.';
const OFFICIAL = fixture('gqa');

const RECORD = {
  semantic: [{ operation: 'query', dependencies: [], argument: 'color' }],
  entailed: [],
  question: 'What color is it?',
  imageId: 'n1',
  isBalanced: true,
  groups: { global: 'color', local: '1' },
  answer: 'red',
  types: { detailed: 'directOf', semantic: 'attr', structural: 'query' },
};

/** Written as text to keep numeric ids in this order. */
function records(...members: [string, unknown][]): string {
  return `{${members.map(([id, record]) => `${JSON.stringify(id)}: ${JSON.stringify(record)}`).join(', ')}}`;
}

async function writeFiles(native = records(['20', RECORD], ['03', { ...RECORD, imageId: 'n2' }], ['1', RECORD])) {
  await rm(LLAVA_QUESTIONS, { force: true });
  await mkdir(join(folder, 'images'), { recursive: true });
  await writeFile(join(folder, 'images', 'n1.jpg'), 'picture');
  await writeFile(QUESTIONS, native);
}

async function readJson<T>(...parts: string[]): Promise<T> {
  return JSON.parse(await readFile(join(...parts), 'utf8')) as T;
}

test('builds prompts from the native file, in its order', async () => {
  await writeFiles();
  const benchmark = await gqa.load(folder, { protocol: 'llava' });
  const text = `What color is it?${SUFFIX}`;
  assert.deepEqual(benchmark.questions, [
    { index: 0, questionId: '20', image: 'n1.jpg', text },
    { index: 1, questionId: '03', image: 'n2.jpg', text },
    { index: 2, questionId: '1', image: 'n1.jpg', text },
  ]);
  assert.equal(benchmark.split, 'testdev-balanced');
  assert.equal(benchmark.maxNewTokens, 128);
  assert.deepEqual(benchmark.protocol, { protocol: 'llava', questionFile: false, limit: null });
  assert.equal(Buffer.from(await benchmark.images.read('n1.jpg')).toString(), 'picture');
  await assert.rejects(benchmark.images.read('n2.jpg'), { name: 'ImageError', code: 'missing' });
});

test("LLaVA's question file determines order, prompts and ids; lmms-eval ignores it", async () => {
  await writeFiles();
  const lines = [
    { question_id: '1', image: 'n1.jpg', text: `First?${SUFFIX}`, category: 'default' },
    { question_id: '20', image: 'n1.jpg', text: `Second?${SUFFIX}`, category: 'default' },
  ];
  await writeFile(LLAVA_QUESTIONS, lines.map((line) => JSON.stringify(line)).join('\n'));
  const benchmark = await gqa.load(folder, { protocol: 'llava' });
  assert.deepEqual(
    benchmark.questions.map(({ questionId, text }) => [questionId, text]),
    lines.map(({ question_id, text }) => [question_id, text]),
  );
  assert.deepEqual(benchmark.files, [QUESTIONS, LLAVA_QUESTIONS]);
  const { n, notes } = benchmark.score(['red', 'red'])!;
  assert.equal(n, 2);
  assert.match(notes[0]!, /2 of 3 balanced questions/);

  const lmms = await gqa.load(folder, { protocol: 'lmms-eval' });
  assert.equal(lmms.questions[0]!.questionId, '20');
  assert.equal(lmms.maxNewTokens, 16);

  await writeFile(LLAVA_QUESTIONS, JSON.stringify({ ...lines[0], question_id: '77' }));
  await assert.rejects(gqa.load(folder, { protocol: 'llava' }), {
    name: 'UserError',
    message: /record 1: testdev_balanced_questions\.json has no question 77/,
  });
});

test("all scores match GQA's eval.py", async () => {
  const answers = await readJson<Record<string, string>>(OFFICIAL, 'answers.json');
  const expected = await readJson<Record<string, Record<string, number>>>(OFFICIAL, 'expected.json');
  const benchmark = await gqa.load(OFFICIAL, { protocol: 'llava', split: 'testdev-all', images: false });
  assert.equal(benchmark.questions.length, 600);
  const score = benchmark.score(benchmark.questions.map(({ questionId }) => answers[questionId]!))!;
  const { scores } = score;
  assert.deepEqual(
    Object.fromEntries(Object.entries(scores).filter(([name]) => !name.startsWith('accuracy/detailed/'))),
    expected['withConsistency'],
  );
  assert.ok('accuracy/detailed/existAttrC' in scores);
  assert.deepEqual(score.points, ['distribution']);
  assert.deepEqual(score.notes, []);
  assert.equal(score.n, score.perQuestion.filter((value) => value !== null).length);

  for (const name of ['accuracy', 'validity', 'plausibility', 'consistency']) {
    const { counts, formula } = score.statistics[name]!;
    const sums = [0, 1].map((column) => counts.filter((_, i) => i % 2 === column).reduce((a, b) => a + b, 0));
    assert.ok(Math.abs(evaluateFormula(formula, sums) - scores[name]!) < 1e-9, name);
  }
});

test('without a choices file, validity and plausibility are missing and a note says so', async () => {
  await rm(join(folder, 'other'), { recursive: true, force: true });
  await mkdir(join(folder, 'other'));
  await copyFile(join(OFFICIAL, 'testdev_all_questions.json'), join(folder, 'other', 'testdev_all_questions.json'));
  const answers = await readJson<Record<string, string>>(OFFICIAL, 'answers.json');
  const expected = await readJson<Record<string, Record<string, number>>>(OFFICIAL, 'expected.json');
  const benchmark = await gqa.load(join(folder, 'other'), { protocol: 'llava', split: 'testdev-all', images: false });
  const score = benchmark.score(benchmark.questions.map(({ questionId }) => answers[questionId]!))!;
  assert.equal('validity' in score.scores, false);
  assert.equal(score.scores['distribution'], expected['withoutChoices']!['distribution']);
  assert.match(score.notes[0]!, /validity and plausibility/);
});

test('the lmms-eval headline is its exact match', async () => {
  const answers = await readJson<Record<string, string>>(OFFICIAL, 'answers.json');
  const { exactMatch, withConsistency } = await readJson<Record<string, Record<string, number>>>(
    OFFICIAL,
    'expected.json',
  );
  const benchmark = await gqa.load(OFFICIAL, { protocol: 'lmms-eval', split: 'testdev-all', images: false });
  const ids = benchmark.questions.map(({ questionId }) => String(questionId));
  const { headline, scores, perQuestion } = benchmark.score(ids.map((id) => answers[id]!))!;
  assert.equal(headline, 'exact-match');
  assert.deepEqual(
    perQuestion,
    ids.map((id) => exactMatch![id] ?? null),
  );
  assert.deepEqual(
    perQuestion,
    ids.map((id, index) => benchmark.scoreOne(index, answers[id]!)),
  );
  const values = Object.values(exactMatch!);
  assert.equal(scores['exact-match'], 100 * (values.reduce((a, b) => a + b, 0) / values.length));
  assert.equal(scores['accuracy'], withConsistency!['accuracy']);
});

test('questions without an answer count as wrong and are empty in the predictions file', async () => {
  await writeFiles();
  const benchmark = await gqa.load(folder, { protocol: 'llava' });
  const { scores, n, failed, perQuestion } = benchmark.score(['Red.', null, 'blue'])!;
  assert.deepEqual({ n, failed, perQuestion }, { n: 3, failed: 1, perQuestion: [1, 0, 0] });
  assert.equal(scores['accuracy'], (1 / 3) * 100);
  const [file, ...others] = benchmark.submission(['Red.', null, 'A b']);
  assert.equal(others.length, 0);
  assert.equal(file!.name, 'testdev_balanced_predictions.json');
  assert.deepEqual(JSON.parse(file!.content), [
    { questionId: '20', prediction: 'red' },
    { questionId: '03', prediction: '' },
    { questionId: '1', prediction: 'a b' },
  ]);
});

test('limit selects the first questions', async () => {
  await writeFiles();
  const benchmark = await gqa.load(folder, { protocol: 'llava', limit: 1 });
  assert.equal(benchmark.questions.length, 1);
  assert.equal(benchmark.score(['red'])!.scores['accuracy'], 100);
  assert.equal(benchmark.gold(0), 'red');
});

test('the embedded sample loads and its correct answers score 100', async () => {
  const benchmark = await gqa.load(join(projectRoot, 'sample', 'benchmarks', 'gqa'), { protocol: 'llava' });
  assert.equal(benchmark.questions.length, 54);
  assert.equal(benchmark.questions[0]!.text, `Is there a blue square in the image?${SUFFIX}`);
  assert.ok((await benchmark.images.read(benchmark.questions[53]!.image!)).length > 0);
  const { scores, notes } = benchmark.score(benchmark.questions.map(({ index }) => `${benchmark.gold(index)}.`))!;
  assert.equal(scores['accuracy'], 100);
  assert.equal(scores['accuracy/binary'], 100);
  assert.equal('consistency' in scores, false);
  assert.equal(notes.length, 1);
});

const BROKEN: readonly { what: string; native: string; message: RegExp }[] = [
  {
    what: 'a record without an answer',
    native: records(['5', { ...RECORD, answer: undefined }]),
    message: /questions\.json, record "5": .*'answer'/,
  },
  {
    what: 'a program without operations',
    native: records(['5', { ...RECORD, semantic: [{}] }]),
    message: /record "5": semantic\.0 .*'operation'/,
  },
  {
    what: 'a truncated file',
    native: records(['5', RECORD]).slice(0, 50),
    message: /is truncated.*questions1\.2/,
  },
  { what: 'a list', native: '[1]', message: /is not a JSON object of records/ },
];
for (const { what, native, message } of BROKEN) {
  test(`${what} gives an error that names the place`, async () => {
    await writeFiles(native);
    await assert.rejects(gqa.load(folder, { protocol: 'llava' }), { name: 'UserError', message });
  });
}

test('missing choices for a question are an error', async () => {
  await writeFiles();
  const path = join(folder, 'testdev_choices.json');
  await writeFile(path, records(['20', { valid: [], plausible: [] }], ['1', { valid: [], plausible: [] }]));
  await assert.rejects(gqa.load(folder, { protocol: 'llava' }), {
    name: 'UserError',
    message: /testdev_choices\.json has no choices for question 03/,
  });
  await rm(path);
});

test('missing files give errors, and an unknown split is a usage error', async () => {
  await writeFiles();
  await assert.rejects(gqa.load(folder, { protocol: 'llava', split: 'val-balanced' }), {
    message: /val_balanced_questions\.json does not exist.*https/s,
  });
  await assert.rejects(gqa.load(folder, { protocol: 'llava', split: 'test' }), { name: 'UserError', exitCode: 2 });
  await rm(join(folder, 'images'), { recursive: true });
  await assert.rejects(gqa.load(folder, { protocol: 'llava' }), { message: /images\.zip.*unpack/s });
});
