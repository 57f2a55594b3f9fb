import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { textVqa } from '../../src/benchmarks/textvqa.js';
import { projectRoot } from '../fixtures.js';

const folder = await mkdtemp(join(tmpdir(), 'llavahr-textvqa-'));
after(() => rm(folder, { recursive: true }));

const ANNOTATIONS = join(folder, 'TextVQA_0.5.1_val.json');
const OCR_QUESTIONS = join(folder, 'llava_textvqa_val_v051_ocr.jsonl');
const SUFFIX = '\nAnswer the question using a single word or phrase.';

const RECORDS = [
  { image_id: 'aa', question: 'what is the BRAND of this Camera?', question_id: 1, answers: ten('Dakota', 6, 'nous') },
  { image_id: 'bb', question: 'Which Year?', question_id: 2, answers: ten('two', 1, '2') },
  { image_id: 'aa', question: 'is it open?', question_id: 3, answers: ten('yes', 2, 'no') },
];

const OCR_LINES = [
  {
    question_id: 'bb',
    image: 'bb.jpg',
    text: `Which year?\nReference OCR token: 1999, X${SUFFIX}`,
    category: 'default',
  },
  { question_id: 'aa', image: 'aa.jpg', text: `Is it open?\nReference OCR token: ${SUFFIX}`, category: 'default' },
];

/** Ten answers, `count` of which are equal. */
function ten(answer: string, count: number, other: string): string[] {
  return Array.from({ length: 10 }, (_, i) => (i < count ? answer : other));
}

async function writeFiles(
  records: unknown = RECORDS,
  ocrText = OCR_LINES.map((line) => JSON.stringify(line)).join('\n'),
) {
  await mkdir(join(folder, 'train_images'), { recursive: true });
  await writeFile(join(folder, 'train_images', 'aa.jpg'), 'picture');
  await writeFile(ANNOTATIONS, JSON.stringify({ data: records }));
  await writeFile(OCR_QUESTIONS, `${ocrText}\n`);
}

test('without OCR tokens, prompts are built from the annotations in their order', async () => {
  await writeFiles();
  const benchmark = await textVqa.load(folder, { protocol: 'llava', ocrTokens: false });
  assert.deepEqual(benchmark.questions, [
    { index: 0, questionId: 'aa', image: 'aa.jpg', text: `What is the brand of this camera?${SUFFIX}` },
    { index: 1, questionId: 'bb', image: 'bb.jpg', text: `Which year?${SUFFIX}` },
    { index: 2, questionId: 'aa', image: 'aa.jpg', text: `Is it open?${SUFFIX}` },
  ]);
  assert.deepEqual(benchmark.files, [ANNOTATIONS]);
  assert.equal(benchmark.maxNewTokens, 128);
  assert.equal(Buffer.from(await benchmark.images.read('aa.jpg')).toString(), 'picture');
  await assert.rejects(benchmark.images.read('bb.jpg'), {
    name: 'ImageError',
    code: 'missing',
    message: /train_images.bb\.jpg/,
  });
});

test('with OCR tokens, prompts come from the question file and are joined to their answers', async () => {
  await writeFiles();
  const benchmark = await textVqa.load(folder, { protocol: 'llava', ocrTokens: true });
  const lines = OCR_LINES.map(({ question_id: questionId, image, text }, index) => ({
    index,
    questionId,
    image,
    text,
  }));
  assert.deepEqual(benchmark.questions, lines);
  assert.deepEqual(benchmark.files, [ANNOTATIONS, OCR_QUESTIONS]);
  assert.equal(benchmark.scoreOne(0, 'Two.'), 1);
  assert.ok(Math.abs(benchmark.scoreOne(1, 'Yes')! - 0.6) < 1e-12);
});

test('the last of two records with the same image and question counts', async () => {
  await writeFiles([...RECORDS, { ...RECORDS[1], answers: ten('late', 10, '') }]);
  const benchmark = await textVqa.load(folder, { protocol: 'llava', ocrTokens: true });
  assert.equal(benchmark.scoreOne(0, 'late'), 1);
  assert.equal(benchmark.scoreOne(0, '2'), 0);
});

test('the accuracy counts questions without an answer as wrong', async () => {
  await writeFiles();
  const benchmark = await textVqa.load(folder, { protocol: 'llava', ocrTokens: false });
  const { headline, scores, n, failed, perQuestion } = benchmark.score(['DAKOTA', null, 'no'])!;
  assert.deepEqual(
    { headline, n, failed, perQuestion },
    { headline: 'accuracy', n: 3, failed: 1, perQuestion: [1, 0, 1] },
  );
  assert.equal(scores[headline!], 100 * (2 / 3));
});

test('limit selects the first questions', async () => {
  await writeFiles();
  const benchmark = await textVqa.load(folder, { protocol: 'llava', ocrTokens: true, limit: 1 });
  assert.deepEqual(
    benchmark.questions.map(({ image }) => image),
    ['bb.jpg'],
  );
  assert.equal(benchmark.score(['2'])?.scores.accuracy, 100);
});

test('the embedded sample loads', async () => {
  const benchmark = await textVqa.load(join(projectRoot, 'sample', 'benchmarks', 'textvqa'), {
    protocol: 'llava',
    ocrTokens: false,
  });
  assert.equal(benchmark.questions.length, 48);
  assert.ok((await benchmark.images.read(benchmark.questions[0]!.image!)).length > 0);
});

const BROKEN: readonly { what: string; records?: unknown; ocr?: string; message: RegExp }[] = [
  {
    what: 'a record with nine answers',
    records: [RECORDS[0], { ...RECORDS[1], answers: ten('a', 10, '').slice(1) }],
    message: /val\.json, record 2 of "data": answers must NOT have fewer than 10 items/,
  },
  {
    what: 'a record without a question',
    records: [{ image_id: 'aa', answers: ten('a', 10, '') }],
    message: /record 1 of "data": .*'question'/,
  },
  { what: 'a record that is null', records: [null], message: /record 1 of "data": .*must be object/ },
  { what: 'a file without records', records: null, message: /val\.json has no list "data"/ },
  { what: 'an empty list', records: [], message: /val\.json has no records\./ },
  { what: 'an empty question file', ocr: '', message: /ocr\.jsonl has no records\./ },
  {
    what: 'a broken line',
    ocr: `${JSON.stringify(OCR_LINES[0])}\n{"question_id":`,
    message: /ocr\.jsonl, line 2 is not JSON/,
  },
  {
    what: 'a line without text',
    ocr: '{"question_id":"aa","image":"aa.jpg"}',
    message: /ocr\.jsonl, line 1: .*'text'/,
  },
  {
    what: 'a question without annotation',
    ocr: JSON.stringify({ question_id: 'bb', image: 'bb.jpg', text: `Is it open?${SUFFIX}` }),
    message: /ocr\.jsonl, record 1: .* has no question "Is it open\?" on image bb\./,
  },
];
for (const { what, records, ocr, message } of BROKEN) {
  test(`${what} gives an error that names the place`, async () => {
    await writeFiles(records, ocr);
    await assert.rejects(textVqa.load(folder, { protocol: 'llava', ocrTokens: ocr !== undefined }), {
      name: 'UserError',
      message,
    });
  });
}

test('missing files give errors that say what they are and where to get them', async () => {
  await writeFiles();
  await rm(OCR_QUESTIONS);
  await assert.rejects(textVqa.load(folder, { protocol: 'llava', ocrTokens: true }), {
    name: 'UserError',
    message: /ocr\.jsonl does not exist.*eval\.zip/s,
  });
  await rm(join(folder, 'train_images'), { recursive: true });
  await assert.rejects(textVqa.load(folder, { protocol: 'llava', ocrTokens: false }), {
    name: 'UserError',
    message: /train_val_images\.zip/,
  });
  await rm(ANNOTATIONS);
  await assert.rejects(textVqa.load(folder, { protocol: 'llava', ocrTokens: false }), {
    name: 'UserError',
    message: /val\.json does not exist.*https/s,
  });
});
