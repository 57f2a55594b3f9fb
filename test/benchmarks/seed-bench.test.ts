import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { seedBench } from '../../src/benchmarks/seed-bench.js';
import { type SeedItem, scoreSeed } from '../../src/benchmarks/seed-score.js';
import { evaluateFormula } from '../../src/results/statistics/formula.js';
import { fixture, projectRoot } from '../fixtures.js';
import { encodeZip } from '../model/checkpoint/craft-torch.js';

/** Printed by the official algorithms (LLaVA convert_seed_for_submission.py; lmms-eval seedbench/utils.py). */
interface OfficialScores {
  cases: {
    /** Question id, image or video, dimension, correct letter, answer; every case has one repeated id. */
    rows: [string, 'image' | 'video', number, string, string | null][];
    /** Percent. */
    official: { total: number; image: number; video: number; types: Record<string, number> };
    /** 0 to 1. */
    lmms: { total: number; image: number; video: number };
    upload: string | null;
  }[];
}

const official = JSON.parse(await readFile(fixture('seed', 'official-scores.json'), 'utf8')) as OfficialScores;
const folder = await mkdtemp(join(tmpdir(), 'llavahr-seed-'));
after(() => rm(folder, { recursive: true }));

const ANNOTATIONS = join(folder, 'SEED-Bench.json');
const QUESTION_FILE = join(folder, 'llava-seed-bench.jsonl');
const SUFFIX = "\nAnswer with the option's letter from the given choices directly.";

official.cases.forEach(({ rows, official: expected, lmms, upload }, i) => {
  const items = rows.map(([id, dataType, type, gold]): SeedItem => ({ id, dataType, dimension: `type ${type}`, gold }));
  const answers = rows.map(([, , , , answer]) => answer);

  test(`run ${i + 1}: accuracies equal LLaVA's script`, () => {
    const { headline, scores, statistics } = scoreSeed(items, answers, 'llava');
    assert.equal(headline, 'accuracy');
    assert.equal(scores['accuracy'], expected.total);
    assert.equal(scores['seed_image'], expected.image);
    assert.equal(scores['seed_video'], expected.video);
    for (const [type, accuracy] of Object.entries(expected.types)) {
      assert.equal(scores[`type ${type}/accuracy`], accuracy);
    }
    for (const name of ['accuracy', 'seed_image', 'seed_video']) {
      const { counts, formula } = statistics[name]!;
      const sums = [0, 0];
      counts.forEach((count, k) => {
        sums[k % 2]! += count;
      });
      assert.equal(evaluateFormula(formula, sums), scores[name]);
    }
  });

  test(`run ${i + 1}: accuracies equal lmms-eval's`, () => {
    const { scores } = scoreSeed(items, answers, 'lmms-eval');
    assert.equal(scores['accuracy'], 100 * lmms.total);
    assert.equal(scores['seed_image'], 100 * lmms.image);
    assert.equal(scores['seed_video'], 100 * lmms.video);
  });

  if (upload === null) return;
  test(`run ${i + 1}: the upload file equals LLaVA's script`, async () => {
    await writeFiles({
      questions: rows.map(([id, type, dimension, answer]) => ({
        ...question(id, type),
        question_type_id: dimension,
        answer,
      })),
    });
    const benchmark = await seedBench.load(folder, { protocol: 'llava' });
    const [file] = benchmark.submission(answers);
    assert.equal(file?.content, upload);
    assert.equal(benchmark.score(answers)?.scores['accuracy'], expected.total);
  });
});

test('the last answer counts for both questions with the same id, and a note gives the difference', () => {
  const item: SeedItem = { id: '49914', dataType: 'image', dimension: 'Scene Understanding', gold: 'A' };
  const { scores, perQuestion, notes } = scoreSeed([item, { ...item, gold: 'B' }], ['A', 'B'], 'llava');
  assert.deepEqual(perQuestion, [0, 1]);
  assert.equal(scores['seed_image'], 50);
  assert.ok(notes.some((note) => /One id occurs twice.*100\.0000/.test(note)));
  assert.deepEqual(scoreSeed([item, { ...item, gold: 'B' }], ['A', 'B'], 'lmms-eval').perQuestion, [1, 1]);
});

test('answers that are not a letter are counted, and dimensions that crash the script are named', () => {
  const item = (id: string, dimension: string): SeedItem => ({ id, dataType: 'image', dimension, gold: 'A' });
  const items = [item('1', 'x'), item('2', 'x'), item('3', 'y'), item('4', 'z')];
  const { unparsable, failed, headline, notes } = scoreSeed(items, ['A', 'A.', 'B', null], 'llava');
  assert.deepEqual([unparsable, failed, headline], [1, 1, 'seed_image']);
  assert.ok(notes.some((note) => /^y: LLaVA's script crashes/.test(note)));
  assert.ok(!notes.some((note) => /^z:/.test(note)));
});

function question(id: string, type: 'image' | 'video') {
  return {
    answer: 'B',
    choice_a: 'One',
    choice_b: 'Two',
    choice_c: 'Three',
    choice_d: 4,
    data_id: type === 'image' ? `77_${id}` : 'P01.webm',
    data_type: type,
    question: 'How many towels are in the image?',
    question_id: id,
    question_type_id: type === 'image' ? 1 : 10,
  };
}

async function writeFiles(options: { questions?: unknown[]; prompts?: unknown[]; frames?: boolean } = {}) {
  await rm(folder, { recursive: true, force: true });
  await mkdir(join(folder, 'SEED-Bench-image'), { recursive: true });
  await writeFile(join(folder, 'SEED-Bench-image', '77_101'), 'picture');
  if (options.frames ?? true) {
    await mkdir(join(folder, 'SEED-Bench-video-image'));
    await writeFile(join(folder, 'SEED-Bench-video-image', '10_v5.png'), 'frame');
  }
  const questions = options.questions ?? [question('101', 'image'), question('v5', 'video')];
  const question_type = { 'Scene Understanding': 1, 'Action Recognition': 10 };
  await writeFile(ANNOTATIONS, JSON.stringify({ question_type, questions }));
  if (options.prompts) await writeFile(QUESTION_FILE, options.prompts.map((line) => JSON.stringify(line)).join('\n'));
}

test("builds prompts, ids and images like LLaVA's question file", async () => {
  await writeFiles();
  const benchmark = await seedBench.load(folder, { protocol: 'llava' });
  const text = `How many towels are in the image?\nA. One\nB. Two\nC. Three\nD. 4${SUFFIX}`;
  assert.equal(benchmark.split, 'all');
  assert.deepEqual(benchmark.questions, [
    { index: 0, questionId: 101, image: 'SEED-Bench-image/77_101', text },
    { index: 1, questionId: 'v5', image: 'SEED-Bench-video-image/10_v5.png', text },
  ]);
  const [picture, frame] = await Promise.all(benchmark.questions.map(({ image }) => benchmark.images.read(image!)));
  assert.deepEqual([picture, frame].map(String), ['picture', 'frame']);
  await assert.rejects(benchmark.images.read('SEED-Bench.json'), { code: 'missing' });
  await assert.rejects(benchmark.images.read('SEED-Bench-image/../SEED-Bench.json'), { code: 'unreadable' });
  assert.deepEqual(benchmark.score(['B', 'A'])?.scores, {
    accuracy: 50,
    seed_image: 100,
    seed_video: 0,
    'Scene Understanding/accuracy': 100,
    'Action Recognition/accuracy': 0,
  });
});

test('images or videos alone have no accuracy over both', async () => {
  await writeFiles();
  const benchmark = await seedBench.load(folder, { protocol: 'llava' });
  for (const [row, type] of [
    [0, 'image'],
    [1, 'video'],
  ] as const) {
    const { headline, scores, notes } = benchmark.score(['B', 'B'], [row])!;
    assert.deepEqual([headline, Object.keys(scores)[0], 'accuracy' in scores], [`seed_${type}`, `seed_${type}`, false]);
    assert.match(notes.join(), new RegExp(`seed_${type} is not comparable`));
  }
});

test('images and frames may be in zip archives', async () => {
  await writeFiles();
  for (const [name, file] of [
    ['SEED-Bench-image', '77_101'],
    ['SEED-Bench-video-image', '10_v5.png'],
  ] as const) {
    await rm(join(folder, name), { recursive: true });
    await writeFile(
      join(folder, `${name}.zip`),
      encodeZip([{ name: `${name}/${file}`, data: Buffer.from(`${file}!`) }]),
    );
  }
  const { questions, images } = await seedBench.load(folder, { protocol: 'llava' });
  const read = await Promise.all(questions.map(({ image }) => images.read(image!)));
  assert.deepEqual(read.map(String), ['77_101!', '10_v5.png!']);
  await images.close();
});

test('without frames, only image questions are asked, with a different score name', async () => {
  await writeFiles({ frames: false });
  const benchmark = await seedBench.load(folder, { protocol: 'llava' });
  assert.equal(benchmark.split, 'image');
  assert.equal(benchmark.questions.length, 1);
  const score = benchmark.score(['B'])!;
  assert.equal(score.headline, 'seed_image');
  assert.deepEqual(Object.keys(score.statistics), ['seed_image']);
  assert.match(score.notes[0]!, /not comparable/);
  await assert.rejects(seedBench.load(folder, { protocol: 'llava', split: 'all' }), {
    name: 'UserError',
    message: /no SEED-Bench-video-image.*--split image/s,
  });
  assert.equal((await seedBench.load(folder, { protocol: 'llava', images: false })).split, 'all');
});

test("LLaVA's question file determines order and wording; the upload follows SEED-Bench.json", async () => {
  const prompts = [
    { question_id: 'v5', image: 'SEED-Bench-video-image/10_v5.png', text: 'video?' },
    { question_id: 101, image: 'SEED-Bench-image/77_101', text: 'image?' },
  ];
  await writeFiles({ prompts });
  const benchmark = await seedBench.load(folder, { protocol: 'llava' });
  assert.deepEqual(
    benchmark.questions.map(({ questionId, text }) => [questionId, text]),
    [
      ['v5', 'video?'],
      [101, 'image?'],
    ],
  );
  assert.deepEqual(benchmark.submission(['C', 'é\n']), [
    {
      name: 'seed-upload.jsonl',
      content: '{"question_id": "101", "prediction": "\\u00e9\\n"}\n' + '{"question_id": "v5", "prediction": "C"}\n',
    },
  ]);
  assert.equal((await seedBench.load(folder, { protocol: 'llava', split: 'image' })).questions[0]?.text, 'image?');
  assert.equal((await seedBench.load(folder, { protocol: 'llava', limit: 1 })).questions.length, 1);
  assert.match((await seedBench.load(folder, { protocol: 'lmms-eval' })).questions[0]!.text, /^How many/);

  await writeFiles({ prompts: [prompts[1], prompts[1]] });
  await assert.rejects(seedBench.load(folder, { protocol: 'llava' }), {
    message: /llava-seed-bench\.jsonl, record 2: SEED-Bench\.json has no such \(or no further\) question 101/,
  });
});

test('reads integer ids, and tells questions with one id apart by what they ask', async () => {
  const asked = (question_id: unknown, text: string, answer: string) => ({
    ...question('101', 'image'),
    ...{ question_id, question: text, answer, data_id: `77_${text}` },
  });
  const prompt = (text: string) => ({
    question_id: 101,
    image: `SEED-Bench-image/77_${text}`,
    text: `${text}\nA. One`,
  });
  const questions = [asked(101, 'What?', 'A'), asked('101', 'Where?', 'B')];
  await writeFiles({ questions, prompts: [prompt('Where?'), prompt('What?')] });
  const benchmark = await seedBench.load(folder, { protocol: 'llava' });
  assert.deepEqual([benchmark.gold(0), benchmark.gold(1)], ['B', 'A']);

  await writeFiles({ questions, prompts: [prompt('When?')] });
  await assert.rejects(seedBench.load(folder, { protocol: 'llava' }), {
    message: /llava-seed-bench\.jsonl, record 1: question 101 of SEED-Bench\.json is another one/,
  });
});

test('missing and invalid files are named', async () => {
  await writeFiles({ questions: [question('1', 'image'), { ...question('2', 'image'), answer: 'E' }] });
  await assert.rejects(seedBench.load(folder, { protocol: 'llava' }), {
    message: /SEED-Bench\.json, record 2 of "questions": answer must be equal to one of the allowed values/,
  });
  await writeFiles();
  await assert.rejects(seedBench.load(folder, { protocol: 'llava', split: 'video' }), { exitCode: 2 });
  await rm(join(folder, 'SEED-Bench-image'), { recursive: true });
  await assert.rejects(seedBench.load(folder, { protocol: 'llava' }), { message: /SEED-Bench-image\.zip/ });
  await rm(ANNOTATIONS);
  await assert.rejects(seedBench.load(folder, { protocol: 'llava' }), { message: /SEED-Bench\.json does not exist/ });
});

test('the embedded sample loads', async () => {
  const benchmark = await seedBench.load(join(projectRoot, 'sample', 'benchmarks', 'seed'), { protocol: 'llava' });
  assert.equal(benchmark.questions.length, 50);
  for (const { image } of benchmark.questions) assert.ok((await benchmark.images.read(image!)).length > 0);
  assert.equal(benchmark.score(benchmark.questions.map((_, i) => benchmark.gold(i)))?.scores['seed_image'], 100);
});
