import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, beforeEach } from 'node:test';
import { scienceQa } from '../../src/benchmarks/scienceqa.js';
import { projectRoot } from '../fixtures.js';

const SAMPLE = join(projectRoot, 'sample', 'benchmarks', 'scienceqa');
const SUFFIX = "\nAnswer with the option's letter from the given choices directly.";

const folder = await mkdtemp(join(tmpdir(), 'llavahr-scienceqa-'));
after(() => rm(folder, { recursive: true }));
const PROBLEMS = join(folder, 'problems.json');
const SPLITS = join(folder, 'pid_splits.json');
const QUESTIONS = join(folder, 'llava_test_CQM-A.json');

const RECORD = { choices: ['x', 'y'], answer: 1, hint: '', image: null, grade: 'grade2', subject: 'social science' };
const PROBLEMS_BY_ID = {
  '1': { ...RECORD, question: 'Of another split?' },
  '5': {
    ...RECORD,
    question: "Could  Gordon's test show it?",
    hint: ' Read  the   passage.\n\nGordon is an engineer. ',
    image: 'image.png',
    choices: ['if  so', 'how ', 'whether'],
  },
  '4': { ...RECORD, question: 'Which figure of speech?\n—Homer' },
};
const LLAVA_TEXTS = {
  // Two spaces become one and three become two, as in LLaVA's converter.
  '5': `Context: Read the  passage.\n\nGordon is an engineer.\nCould Gordon's test show it?\nA. if so\nB. how \nC. whether`,
  '4': 'Which figure of speech?\n—Homer\nA. x\nB. y',
};
const QUESTION_RECORDS = [
  { id: '4', conversations: [{ from: 'human', value: LLAVA_TEXTS['4'] }, { value: 'B' }] },
  {
    id: '5',
    image: '5/image.png',
    conversations: [{ from: 'human', value: `<image>\n${LLAVA_TEXTS['5']}` }, { value: 'B' }],
  },
];

beforeEach(async () => {
  await rm(folder, { recursive: true });
  await mkdir(join(folder, 'images', 'test', '5'), { recursive: true });
  await writeFile(join(folder, 'images', 'test', '5', 'image.png'), 'picture');
  await writeFile(PROBLEMS, JSON.stringify(PROBLEMS_BY_ID));
  await writeFile(SPLITS, JSON.stringify({ train: ['1'], test: ['5', '4'] }));
});

test("builds prompts like LLaVA's question file, in the split's order", async () => {
  const benchmark = await scienceQa.load(folder, { protocol: 'llava' });
  assert.deepEqual(benchmark.questions, [
    { index: 0, questionId: '5', image: '5/image.png', text: LLAVA_TEXTS['5'] + SUFFIX },
    { index: 1, questionId: '4', image: null, text: LLAVA_TEXTS['4'] + SUFFIX },
  ]);
  assert.equal(benchmark.maxNewTokens, 64);
  assert.deepEqual(benchmark.files, [PROBLEMS, SPLITS]);
  assert.deepEqual(benchmark.protocol, { protocol: 'llava', questionFile: false, limit: null });
  assert.equal(benchmark.gold(0), 'B. how ');
  assert.equal(Buffer.from(await benchmark.images.read('5/image.png')).toString(), 'picture');
  await assert.rejects(benchmark.images.read('4/image.png'), { name: 'ImageError', code: 'missing' });
});

test("LLaVA's question file is used if present, in its order", async () => {
  const built = await scienceQa.load(folder, { protocol: 'llava' });
  await writeFile(QUESTIONS, JSON.stringify(QUESTION_RECORDS));
  const benchmark = await scienceQa.load(folder, { protocol: 'llava' });
  assert.deepEqual(
    benchmark.questions.map(({ questionId, image, text }) => ({ questionId, image, text })),
    [built.questions[1]!, built.questions[0]!].map(({ questionId, image, text }) => ({ questionId, image, text })),
  );
  assert.deepEqual(benchmark.files, [PROBLEMS, SPLITS, QUESTIONS]);
  assert.equal(benchmark.protocol.questionFile, true);
  assert.equal(benchmark.gold(1), 'B. how ');
});

test('lmms-eval uses the texts unchanged', async () => {
  await writeFile(QUESTIONS, JSON.stringify(QUESTION_RECORDS));
  const { questions, maxNewTokens } = await scienceQa.load(folder, { protocol: 'lmms-eval' });
  const { hint, question } = PROBLEMS_BY_ID['5'];
  assert.equal(questions[0]!.text, `Context: ${hint}\n${question}\nA. if  so\nB. how \nC. whether${SUFFIX}`);
  assert.equal(maxNewTokens, 16);
});

test('the split test-img has only the questions with an image', async () => {
  const benchmark = await scienceQa.load(folder, { protocol: 'llava', split: 'test-img' });
  assert.deepEqual(
    benchmark.questions.map(({ questionId }) => questionId),
    ['5'],
  );
  assert.equal(benchmark.split, 'test-img');
  await assert.rejects(scienceQa.load(folder, { protocol: 'llava', split: 'val' }), {
    exitCode: 2,
    message: /test-img/,
  });
});

test('limit selects the first questions', async () => {
  const benchmark = await scienceQa.load(folder, { protocol: 'llava', limit: 1 });
  assert.equal(benchmark.questions.length, 1);
  assert.equal(benchmark.score(['B. how'])?.scores['img-accuracy'], 100);
});

test("the result file is identical to LLaVA's", async () => {
  const benchmark = await scienceQa.load(folder, { protocol: 'llava' });
  const [file] = benchmark.submission(['Bees', null]);
  assert.equal(file!.name, 'scienceqa_result.json');
  assert.deepEqual(JSON.parse(file!.content), {
    acc: 50,
    correct: 1,
    count: 2,
    results: { '5': 1, '4': -1 },
    outputs: { '5': 'Bees', '4': 'FAILED' },
  });
});

test('the embedded sample loads, and its correct answers score 100', async () => {
  const benchmark = await scienceQa.load(SAMPLE, { protocol: 'llava' });
  assert.equal(benchmark.questions.length, 44);
  assert.equal(benchmark.questions.filter(({ image }) => image === null).length, 11);
  for (const { image } of benchmark.questions) {
    if (image !== null) assert.ok((await benchmark.images.read(image)).length > 0);
  }
  const score = benchmark.score(benchmark.questions.map(({ index }) => benchmark.gold(index)))!;
  assert.equal(score.scores['img-accuracy'], 100);
  assert.equal(score.scores['accuracy-llava'], 100);
  assert.equal(benchmark.scoreOne(0, 'Zebra'), 0);
});

test('images are read from test.zip', async () => {
  await rm(join(folder, 'images'), { recursive: true });
  await cp(join(projectRoot, 'test', 'fixtures', 'scienceqa', 'test.zip'), join(folder, 'test.zip'));
  const { images } = await scienceQa.load(folder, { protocol: 'llava' });
  assert.equal(Buffer.from(await images.read('5/image.png')).toString(), 'zipped picture');
  await images.close();
});

const BROKEN: readonly { what: string; file: string; content: unknown; message: RegExp }[] = [
  {
    what: 'a problem without choices',
    file: PROBLEMS,
    content: { ...PROBLEMS_BY_ID, '4': { ...RECORD, question: '?', choices: [] } },
    message: /problems\.json, record "4": choices must NOT have fewer/,
  },
  {
    what: 'an answer index beyond the choices',
    file: PROBLEMS,
    content: { ...PROBLEMS_BY_ID, '4': { ...RECORD, question: '?', answer: 2 } },
    message: /problems\.json, record "4": the answer is option 3, but there are only 2/,
  },
  { what: 'a list of problems', file: PROBLEMS, content: [], message: /problems\.json is not a JSON object/ },
  {
    what: 'a split with an unknown problem',
    file: SPLITS,
    content: { test: ['5', '99'] },
    message: /pid_splits\.json: .*problems\.json has no problem "99"/,
  },
  { what: 'a file without a test split', file: SPLITS, content: { val: [] }, message: /pid_splits\.json: .*'test'/ },
  {
    what: 'a question about a problem of another split',
    file: QUESTIONS,
    content: [...QUESTION_RECORDS, { id: '1', conversations: [{ value: '?' }] }],
    message: /CQM-A\.json, record 3: the test split has no problem "1"/,
  },
  {
    what: 'a question file with half of the questions',
    file: QUESTIONS,
    content: QUESTION_RECORDS.slice(1),
    message: /CQM-A\.json has 1 question about 1 problem; .* has 2/,
  },
  {
    what: 'a question file that lacks an image',
    file: QUESTIONS,
    content: QUESTION_RECORDS.map(({ id, conversations }) => ({ id, conversations })),
    message: /CQM-A\.json, record 2: either this record or problem 5 .*has an image/,
  },
  {
    what: 'a question without a prompt',
    file: QUESTIONS,
    content: [{ id: '4', conversations: [] }],
    message: /CQM-A\.json, record 1: conversations must NOT have fewer/,
  },
];
for (const { what, file, content, message } of BROKEN) {
  test(`${what} gives an error that names the place`, async () => {
    await writeFile(file, JSON.stringify(content));
    await assert.rejects(scienceQa.load(folder, { protocol: 'llava' }), { name: 'UserError', message });
  });
}

test('missing files give errors that say where to get them', async () => {
  await rm(join(folder, 'images'), { recursive: true });
  await assert.rejects(scienceQa.load(folder, { protocol: 'llava' }), {
    name: 'UserError',
    message: /expected images\/test\/, images\/test\.zip, test\/ or test\.zip.*https/,
  });
  assert.equal((await scienceQa.load(folder, { protocol: 'llava', images: false })).questions.length, 2);
  await rm(PROBLEMS);
  await assert.rejects(scienceQa.load(folder, { protocol: 'llava' }), {
    name: 'UserError',
    message: /problems\.json does not exist.*lupantech/,
  });
});
