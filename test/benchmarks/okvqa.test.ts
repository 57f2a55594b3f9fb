import assert from 'node:assert/strict';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { okVqa } from '../../src/benchmarks/okvqa.js';
import { projectRoot } from '../fixtures.js';

const SAMPLE = join(projectRoot, 'sample', 'benchmarks', 'okvqa');
const SUFFIX = '\nAnswer the question using a single word or phrase.';

const folder = await mkdtemp(join(tmpdir(), 'llavahr-okvqa-'));
after(() => rm(folder, { recursive: true, force: true }));

test('the embedded sample loads, with the prompts of the training data', async () => {
  const benchmark = await okVqa.load(SAMPLE, { protocol: 'llava' });
  assert.equal(benchmark.questions.length, 40);
  assert.deepEqual(benchmark.questions[1], {
    index: 1,
    questionId: 9100325,
    image: 'COCO_val2014_000000910032.jpg',
    text: `How many sides does the orange shape have?${SUFFIX}`,
  });
  assert.equal(benchmark.gold(0), 'blueberry');
  assert.ok((await benchmark.images.read(benchmark.questions[39]!.image!)).length > 0);
  assert.deepEqual([benchmark.split, benchmark.maxNewTokens], ['val2014', 128]);
});

test("the headline is LLaVA-HR's accuracy; the official one and lmms-eval's are reported too", async () => {
  await cp(SAMPLE, folder, { recursive: true });
  const answers = ['two', 'two', 'two', 'two', 'a pair', 'a pair', 'a pair', 'a pair', '2', '2'];
  const annotation = {
    question_id: 9100035,
    question_type: 'five',
    answer_type: 'other',
    answers: answers.map((answer, i) => ({ answer_id: i + 1, raw_answer: answer, answer_confidence: 'yes', answer })),
  };
  await writeFile(join(folder, 'mscoco_val2014_annotations.json'), JSON.stringify({ annotations: [annotation] }));
  const benchmark = await okVqa.load(folder, { protocol: 'llava', limit: 1 });
  const { headline, scores, statistics } = benchmark.score(['Two'])!;
  assert.equal(headline, 'accuracy');
  // "Two" becomes "2", which does not match the human "two" in LLaVA-HR's script.
  assert.ok(Math.abs(scores['accuracy']! - 60) < 1e-9);
  assert.equal(scores['accuracy-official'], 100);
  assert.equal(scores['accuracy-m4c'], 100);
  assert.equal(scores['accuracy/question-type/five'], scores['accuracy']);
  assert.deepEqual(Object.keys(statistics), ['accuracy', 'accuracy-official', 'accuracy-m4c']);
  assert.deepEqual(JSON.parse(benchmark.submission(['Two'])[0]!.content), [{ question_id: 9100035, answer: 'Two' }]);

  const lmms = await okVqa.load(folder, { protocol: 'lmms-eval', limit: 1 });
  assert.equal(lmms.score(['Two'])!.headline, 'accuracy-m4c');
  assert.equal(lmms.scoreOne(0, 'Two'), 1);
  assert.match(
    lmms.questions[0]!.text,
    /\nWhen the provided information is insufficient, respond with 'Unanswerable'\.\n/,
  );
});

test("LLaVA-HR's question file determines prompts and order if present", async () => {
  await rm(folder, { recursive: true });
  await cp(SAMPLE, folder, { recursive: true });
  const lines = [
    { question_id: 9100325, image: 'COCO_val2014_000000910032.jpg', text: `A?${SUFFIX}` },
    { question_id: 9100035, image: 'COCO_val2014_000000910003.jpg', text: `B?${SUFFIX}` },
  ];
  await writeFile(join(folder, 'okvqa_val.jsonl'), lines.map((line) => JSON.stringify(line)).join('\n'));
  const benchmark = await okVqa.load(folder, { protocol: 'llava' });
  assert.deepEqual(
    benchmark.questions.map(({ questionId, text }) => [questionId, text]),
    [
      [9100325, `A?${SUFFIX}`],
      [9100035, `B?${SUFFIX}`],
    ],
  );
  assert.equal(benchmark.gold(1), 'blueberry');
  assert.equal(benchmark.protocol['llavaQuestions'], true);
  assert.equal((await okVqa.load(folder, { protocol: 'lmms-eval' })).questions.length, 40);

  await writeFile(join(folder, 'okvqa_val.jsonl'), JSON.stringify({ ...lines[0], question_id: 5 }));
  await assert.rejects(okVqa.load(folder, { protocol: 'llava' }), {
    name: 'UserError',
    message: /annotations\.json has no annotation for question 5/,
  });
});

test('missing files give errors that say where to get them', async () => {
  await rm(folder, { recursive: true });
  await assert.rejects(okVqa.load(folder, { protocol: 'llava' }), {
    name: 'UserError',
    message: /OpenEnded_mscoco_val2014_questions\.json does not exist.*okvqa\.allenai\.org/,
  });
  await assert.rejects(okVqa.load(SAMPLE, { protocol: 'llava', split: 'test' }), { exitCode: 2, message: /val2014/ });
});
