import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, beforeEach } from 'node:test';
import { vqaV2 } from '../../src/benchmarks/vqav2.js';
import { projectRoot } from '../fixtures.js';

const folder = await mkdtemp(join(tmpdir(), 'llavahr-vqav2-'));
after(() => rm(folder, { recursive: true }));

const SUFFIX = '\nAnswer the question using a single word or phrase.';
const VAL_QUESTIONS = 'v2_OpenEnded_mscoco_val2014_questions.json';
const VAL_ANNOTATIONS = 'v2_mscoco_val2014_annotations.json';
const TEST_DEV_QUESTIONS = 'v2_OpenEnded_mscoco_test-dev2015_questions.json';
const TEST_QUESTIONS = 'v2_OpenEnded_mscoco_test2015_questions.json';

const QUESTIONS = [
  { image_id: 42, question: 'Is the TV on?', question_id: 42000 },
  { image_id: 458752, question: 'How many cats? ', question_id: 458752001 },
  { image_id: 42, question: 'What is it?', question_id: 42002 },
];
const ANNOTATIONS = [
  annotation(42002, 'what is', 'other', ten('red', 5, 'blue')),
  annotation(42000, 'is the', 'yes/no', ten('yes', 10, '')),
  annotation(458752001, 'how many', 'number', ten('two', 2, '3')),
];

/** Ten answers, `count` of which are equal. */
function ten(answer: string, count: number, other: string): string[] {
  return Array.from({ length: 10 }, (_, i) => (i < count ? answer : other));
}

function annotation(question_id: number, question_type: string, answer_type: string, answers: string[]) {
  return {
    question_type,
    multiple_choice_answer: answers[0],
    answers: answers.map((answer, i) => ({ answer, answer_confidence: 'yes', answer_id: i + 1 })),
    image_id: Math.floor(question_id / 1000),
    answer_type,
    question_id,
  };
}

async function write(name: string, document: unknown): Promise<void> {
  await writeFile(join(folder, name), typeof document === 'string' ? document : JSON.stringify(document));
}

beforeEach(async () => {
  await rm(folder, { recursive: true });
  await mkdir(join(folder, 'val2014'), { recursive: true });
  await mkdir(join(folder, 'test2015'));
  await write(VAL_QUESTIONS, { info: {}, data_subtype: 'val2014', questions: QUESTIONS });
  await write(VAL_ANNOTATIONS, { info: {}, annotations: ANNOTATIONS });
});

test('val: questions are in file order, with the answers to their ids', async () => {
  const benchmark = await vqaV2.load(folder, { split: 'val', protocol: 'llava' });
  assert.deepEqual(benchmark.questions, [
    { index: 0, questionId: 42000, image: 'COCO_val2014_000000000042.jpg', text: `Is the TV on?${SUFFIX}` },
    { index: 1, questionId: 458752001, image: 'COCO_val2014_000000458752.jpg', text: `How many cats? ${SUFFIX}` },
    { index: 2, questionId: 42002, image: 'COCO_val2014_000000000042.jpg', text: `What is it?${SUFFIX}` },
  ]);
  assert.deepEqual([0, 1, 2].map(benchmark.gold), ['yes', '3', 'red']);
  assert.deepEqual(benchmark.files, [join(folder, VAL_QUESTIONS), join(folder, VAL_ANNOTATIONS)]);
  assert.equal(benchmark.maxNewTokens, 128);
});

test('val: the accuracy uses answers processed as for an upload', async () => {
  const benchmark = await vqaV2.load(folder, { split: 'val', protocol: 'llava' });
  const score = benchmark.score(['Yes', 'Two', null])!;
  const close = (actual: number | undefined, expected: number) => assert.ok(Math.abs(actual! - expected) < 1e-9);
  assert.deepEqual([score.headline, score.n, score.failed], ['accuracy', 3, 1]);
  close(score.scores['accuracy'], 160 / 3); // 1, 0.6 and 0
  close(score.scores['accuracy-unprocessed'], 60 / 3); // "Yes" does not match a unanimous "yes"
  close(score.scores['accuracy/yes-no'], 100);
  close(score.scores['accuracy/number'], 60);
  close(score.scores['accuracy/question-type/how many'], 60);
  assert.deepEqual(Object.keys(score.statistics), ['accuracy', 'accuracy-unprocessed']);
  assert.match(score.notes.join(' '), /not comparable/);
  assert.equal(benchmark.scoreOne(0, 'Yes.'), 1);
});

test('val: the result file has processed answers, empty for failed questions', async () => {
  const benchmark = await vqaV2.load(folder, { split: 'val', protocol: 'llava' });
  const [file] = benchmark.submission(['Yes', 'Two', null]);
  assert.deepEqual(JSON.parse(file!.content), [
    { question_id: 42000, answer: 'yes' },
    { question_id: 458752001, answer: '2' },
    { question_id: 42002, answer: '' },
  ]);
});

test('limit selects the first questions', async () => {
  const benchmark = await vqaV2.load(folder, { split: 'val', protocol: 'llava', limit: 2 });
  assert.equal(benchmark.questions.length, 2);
  assert.equal(benchmark.score(['yes', '2'])!.n, 2);
});

const LLAVA_LINES = [
  { question_id: 7001, image: 'COCO_test2015_000000000007.jpg', text: `Is it?${SUFFIX}`, category: 'default' },
  { question_id: 5000, image: 'COCO_test2015_000000000005.jpg', text: `What?${SUFFIX}`, category: 'default' },
];
const NATIVE_TEST_DEV = [
  { image_id: 7, question: 'Is it?', question_id: 7001 },
  { image_id: 5, question: 'What?', question_id: 5000 },
];

test("test-dev: LLaVA's question file and VQA's own give the same questions", async () => {
  await write(TEST_DEV_QUESTIONS, { questions: NATIVE_TEST_DEV });
  const native = await vqaV2.load(folder, { protocol: 'llava' });
  assert.deepEqual([native.split, native.protocol['llavaQuestions']], ['test-dev', false]);
  assert.equal(native.questions[0]!.text, `Is it?${SUFFIX}`);

  await write('llava_vqav2_mscoco_test-dev2015.jsonl', LLAVA_LINES.map((line) => JSON.stringify(line)).join('\n'));
  const llava = await vqaV2.load(folder, { protocol: 'llava' });
  assert.equal(llava.protocol['llavaQuestions'], true);
  assert.deepEqual(llava.questions, native.questions);
  assert.deepEqual([llava.score(['yes', 'no']), llava.gold(0), llava.scoreOne(0, 'yes')], [null, null, null]);
});

const ALL_IDS = [5000, 6000, 7001];
const TEST_LISTS: readonly { what: string; name: string; content: unknown }[] = [
  {
    what: "VQA's own",
    name: TEST_QUESTIONS,
    content: { questions: ALL_IDS.map((question_id) => ({ image_id: 1, question: '', question_id })) },
  },
  {
    what: "LLaVA's",
    name: 'llava_vqav2_mscoco_test2015.jsonl',
    content: ALL_IDS.map((question_id) => JSON.stringify({ question_id, image: 'a.jpg', text: '' })).join('\n'),
  },
];
for (const { what, name, content } of TEST_LISTS) {
  test(`test-dev: the upload has an answer for each question of ${what} test2015 list`, async () => {
    await write(TEST_DEV_QUESTIONS, { questions: NATIVE_TEST_DEV });
    await write(name, content);
    const benchmark = await vqaV2.load(folder, { protocol: 'llava' });
    const [file] = benchmark.submission(['The Dog?', null]);
    assert.equal(file!.name, 'v2_OpenEnded_mscoco_test2015_results.json');
    assert.deepEqual(JSON.parse(file!.content), [
      { question_id: 5000, answer: '' },
      { question_id: 6000, answer: '' },
      { question_id: 7001, answer: 'dog' },
    ]);
  });
}

test('test-dev: without a test2015 list, the upload has the test-dev questions', async () => {
  await write(TEST_DEV_QUESTIONS, { questions: NATIVE_TEST_DEV });
  const [file] = (await vqaV2.load(folder, { protocol: 'llava' })).submission(['a', 'b c']);
  assert.equal(file!.name, 'v2_OpenEnded_mscoco_test-dev2015_results.json');
  assert.deepEqual(JSON.parse(file!.content), [
    { question_id: 7001, answer: '' },
    { question_id: 5000, answer: 'b c' },
  ]);
});

test('lmms-eval defaults to val with at most 16 tokens', async () => {
  await write(TEST_DEV_QUESTIONS, { questions: NATIVE_TEST_DEV });
  const benchmark = await vqaV2.load(folder, { protocol: 'lmms-eval' });
  assert.deepEqual([benchmark.split, benchmark.maxNewTokens], ['val', 16]);
});

test('the embedded sample loads as val and is scored', async () => {
  const benchmark = await vqaV2.load(join(projectRoot, 'sample', 'benchmarks', 'vqav2'), { protocol: 'llava' });
  assert.deepEqual([benchmark.split, benchmark.questions.length], ['val', 51]);
  assert.ok((await benchmark.images.read(benchmark.questions[50]!.image!)).length > 0);
  const { scores } = benchmark.score(benchmark.questions.map(({ index }) => benchmark.gold(index)))!;
  assert.equal(scores['accuracy'], 100);
});

test('images are not needed with images: false', async () => {
  await rm(join(folder, 'val2014'), { recursive: true });
  const benchmark = await vqaV2.load(folder, { split: 'val', protocol: 'llava', images: false });
  assert.equal(benchmark.score(['yes', '3', 'red'])!.scores['accuracy'], 100);
});

test('invalid files give errors that name the place', async () => {
  const load = () => vqaV2.load(folder, { split: 'val', protocol: 'llava' });
  await write(VAL_ANNOTATIONS, { annotations: ANNOTATIONS.slice(1) });
  await assert.rejects(load(), {
    name: 'UserError',
    message: /annotations\.json has no annotation for question 42002/,
  });
  await write(VAL_ANNOTATIONS, { annotations: [ANNOTATIONS[0], { ...ANNOTATIONS[1], answers: [] }] });
  await assert.rejects(load(), {
    name: 'UserError',
    message: /record 2 of "annotations": answers must NOT have fewer/,
  });
  await write(VAL_ANNOTATIONS, { annotations: [{ ...ANNOTATIONS[0], answers: ['red'] }] });
  await assert.rejects(load(), { name: 'UserError', message: /record 1 of "annotations": answers\.0 must be object/ });
  await write(VAL_QUESTIONS, { questions: [{ image_id: 'x', question: '', question_id: 1 }] });
  await assert.rejects(load(), { name: 'UserError', message: /record 1 of "questions": image_id must be integer/ });
});

test('missing files give errors that say where to get them', async () => {
  await rm(join(folder, VAL_QUESTIONS));
  await assert.rejects(vqaV2.load(folder, { protocol: 'llava' }), {
    name: 'UserError',
    message:
      /expected llava_vqav2_mscoco_test-dev2015\.jsonl.*\(split test-dev\).*\(split val\).*Questions_Val_mscoco\.zip/s,
  });
  await assert.rejects(vqaV2.load(folder, { split: 'val', protocol: 'llava' }), {
    name: 'UserError',
    message: /val2014_questions\.json does not exist.*v2_Questions_Val_mscoco\.zip/,
  });
  await assert.rejects(vqaV2.load(folder, { split: 'train', protocol: 'llava' }), {
    exitCode: 2,
    message: /no split "train".*test-dev, val/,
  });
  await write(VAL_QUESTIONS, { questions: QUESTIONS });
  await rm(join(folder, 'val2014'), { recursive: true });
  await assert.rejects(vqaV2.load(folder, { split: 'val', protocol: 'llava' }), {
    name: 'UserError',
    message: /expected val2014\/, val2014\.zip.*6\.6 GB/,
  });
});
