import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { after } from 'node:test';
import { mme } from '../../src/benchmarks/mme.js';
import { MME_TASKS } from '../../src/benchmarks/mme-files.js';
import { type MmeItem, mmeVerdict, scoreMme } from '../../src/benchmarks/mme-score.js';
import { evaluateFormula } from '../../src/results/statistics/formula.js';
import { fixture, projectRoot } from '../fixtures.js';
import { encodeZip } from '../model/checkpoint/craft-torch.js';

/** Printed by the official algorithms (MME calculation.py; lmms-eval mme/utils.py) on random and awkward answers. */
interface OfficialScores {
  /** Text, and how calculation.py and lmms-eval interpret it. */
  verdicts: [string, string, string][];
  cases: {
    /** Subtask, image, correct answer, answer. */
    rows: [string, string, string, string][];
    official: Record<string, number>;
    lmms: Record<string, number>;
  }[];
}

const official = JSON.parse(await readFile(fixture('mme', 'official-scores.json'), 'utf8')) as OfficialScores;
const folder = await mkdtemp(join(tmpdir(), 'llavahr-mme-'));
after(() => rm(folder, { recursive: true }));

const RELEASE = join(folder, 'MME_Benchmark_release_version');
const QUESTION_FILE = join(folder, 'llava_mme.jsonl');
const SUFFIX = '\nAnswer the question using a single word or phrase.';
const ALL_TASKS = [...MME_TASKS.perception, ...MME_TASKS.cognition];

test('answers are interpreted like the official scripts', () => {
  assert.ok(official.verdicts.length > 2000);
  for (const [text, llava, lmms] of official.verdicts) {
    assert.equal(mmeVerdict(text, 'llava'), llava, JSON.stringify(text));
    assert.equal(mmeVerdict(text, 'lmms-eval'), lmms, JSON.stringify(text));
  }
});

official.cases.forEach(({ rows, official: expected, lmms }, i) => {
  const items = rows.map(([task, image, gold]): MmeItem => ({ task, image, gold: gold === 'Yes' ? 'yes' : 'no' }));
  const answers = rows.map(([, , , answer]) => answer);

  test(`run ${i + 1}: points equal calculation.py's to the last digit`, () => {
    const { scores, points, statistics, notes } = scoreMme(items, answers, 'llava');
    assert.equal(scores['perception'], expected['perception']);
    assert.equal(scores['cognition'], expected['cognition']);
    for (const task of ALL_TASKS) assert.equal(scores[`${task}/score`], expected[task]);
    assert.equal(scores['total'], expected['perception']! + expected['cognition']!);
    assert.ok(points?.includes('perception') && points.includes('artwork/score'));
    assert.ok(!points?.includes('artwork/accuracy'));
    const { width, counts, formula } = statistics['perception']!;
    const sums = new Array<number>(width).fill(0);
    counts.forEach((count, k) => {
      sums[k % width]! += count;
    });
    assert.ok(Math.abs(evaluateFormula(formula, sums) - expected['perception']!) < 1e-9);
    assert.deepEqual(notes, []);
  });

  test(`run ${i + 1}: points equal lmms-eval's`, () => {
    const { scores } = scoreMme(items, answers, 'lmms-eval');
    // lmms-eval sums the subtasks in the order of its questions and prints four digits.
    for (const half of ['perception', 'cognition']) assert.ok(Math.abs(scores[half]! - lmms[half]!) < 1e-9);
  });
});

function color(image: string, gold: 'yes' | 'no'): MmeItem {
  return { task: 'color', image, gold };
}

test('pairs are consecutive questions; a note gives the score with pairs by image', () => {
  const items = [color('a', 'yes'), color('b', 'yes'), color('a', 'no'), color('b', 'no')];
  const { scores, notes } = scoreMme(items, ['Yes', 'Yes', 'No', 'Yes'], 'llava');
  assert.equal(scores['perception'], 75 + 50);
  assert.equal(scores['color/accuracy-plus'], 50);
  assert.ok(notes.some((note) => /2 pairs mix two images.*perception would be 125\.00/.test(note)));

  const wrongB = scoreMme(items, ['Yes', 'No', 'No', 'Yes'], 'llava');
  assert.equal(wrongB.scores['perception'], 50);
  assert.ok(wrongB.notes.some((note) => /perception would be 100\.00/.test(note)));
  assert.equal(scoreMme(items, ['Yes', 'No', 'No', 'Yes'], 'lmms-eval').scores['perception'], 100);
});

test('missing answers count as wrong, other texts than yes or no are counted, missing subtasks are named', () => {
  const items = [color('a', 'yes'), color('a', 'no'), color('b', 'yes'), color('b', 'no'), color('c', 'yes')];
  const score = scoreMme(items, ['Yes', null, 'Church', 'know', 'yes\tindeed'], 'llava');
  assert.deepEqual(score.perQuestion, [1, 0, 0, 1, 1]);
  assert.deepEqual([score.failed, score.unparsable, score.n], [1, 1, 5]);
  assert.equal(score.scores['perception'], 60);
  assert.equal(score.scores['cognition'], 0);
  assert.equal(score.statistics['cognition'], undefined);
  assert.ok(score.notes.some((note) => /exclude these subtasks.*existence, count.*code_reasoning/.test(note)));
  assert.ok(score.notes.some((note) => /^color: incomplete pairs/.test(note)));
  assert.ok(score.notes.some((note) => /^1 answers contain a tab/.test(note)));
});

/** Two questions about one image in every subtask; `color` has two spaces before the last sentence. */
async function writeRelease(): Promise<void> {
  await rm(RELEASE, { recursive: true, force: true });
  await rm(QUESTION_FILE, { force: true });
  for (const task of ALL_TASKS) {
    const nested = ['artwork', 'celebrity', 'landmark', 'posters', 'scene'].includes(task);
    const gap = task === 'color' ? '  ' : ' ';
    const lines = [
      `Is it a ${task}?${gap}Please answer yes or no.\tYes`,
      `Is it Musée?${gap}Please answer yes or no.\tNo`,
    ];
    await write(join(RELEASE, task, nested ? 'questions_answers_YN' : '', '0001.txt'), `${lines.join('\r\n')}\n`);
    await write(join(RELEASE, task, nested ? 'images' : '', '0001.png'), 'picture');
  }
}

async function write(path: string, content: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
}

test('reads both layouts of the release', async () => {
  await writeRelease();
  const benchmark = await mme.load(folder, { protocol: 'llava' });
  assert.equal(benchmark.questions.length, 28);
  assert.deepEqual(benchmark.questions[6], {
    index: 6,
    questionId: 'color/0001.png',
    image: 'color/0001.png',
    text: `Is it a color?${SUFFIX}`,
  });
  assert.equal(benchmark.questions.find(({ text }) => text.includes('artwork'))?.image, 'artwork/images/0001.png');
  assert.deepEqual([benchmark.gold(0), benchmark.gold(1)], ['Yes', 'No']);
  assert.equal(benchmark.scoreOne(1, 'Norway'), 1);
  assert.equal(Buffer.from(await benchmark.images.read('artwork/images/0001.png')).toString(), 'picture');
  assert.equal(benchmark.score(benchmark.questions.map((_, i) => benchmark.gold(i)))?.scores['total'], 2800);
  assert.match(String(benchmark.protocol['annotationsSha256']), /^[0-9a-f]{64}$/);
});

test("the release's zip archive gives the same result without unpacking", async () => {
  await writeRelease();
  const unpacked = await mme.load(folder, { protocol: 'llava' });
  const names = (await readdir(RELEASE, { recursive: true })).filter((name) => name.includes('.'));
  const entries = names.map((name) => ({
    name: `MME_Benchmark_release_version/${name}`,
    data: readFileSync(join(RELEASE, name)),
  }));
  const zip = `${RELEASE}.zip`;
  await writeFile(zip, encodeZip([...entries, { name: '__MACOSX/color/._0001.txt', data: Buffer.from('x') }]));
  await rm(RELEASE, { recursive: true });
  const zipped = await mme.load(folder, { protocol: 'llava' });
  await rm(zip);
  assert.deepEqual(zipped.questions, unpacked.questions);
  assert.deepEqual(zipped.protocol, unpacked.protocol);
  assert.equal(Buffer.from(await zipped.images.read('scene/images/0001.png')).toString(), 'picture');
  await zipped.images.close();
});

test('lmms-eval removes one space with the sentence and allows 16 tokens', async () => {
  await writeRelease();
  const benchmark = await mme.load(folder, { protocol: 'lmms-eval' });
  assert.equal(benchmark.questions[6]?.text, `Is it a color? ${SUFFIX}`);
  assert.equal(benchmark.questions[8]?.text, `Is it a posters?${SUFFIX}`);
  assert.equal(benchmark.maxNewTokens, 16);
});

test("LLaVA's question file determines the order and is joined by image and question", async () => {
  await writeRelease();
  const lines = [
    { question_id: 'artwork/images/0001.png', image: 'artwork/images/0001.png', text: `Is it Musée?${SUFFIX}` },
    { question_id: 'color/0001.png', image: 'color/0001.png', text: `Is it Musée?${SUFFIX}` },
    { question_id: 'artwork/images/0001.png', image: 'artwork/images/0001.png', text: `Is it a artwork?${SUFFIX}` },
    { question_id: 'color/0001.png', image: 'color/0001.png', text: `Is it a color?${SUFFIX}` },
  ];
  await writeFile(QUESTION_FILE, lines.map((line) => JSON.stringify(line)).join('\n'));
  const benchmark = await mme.load(folder, { protocol: 'llava' });
  assert.deepEqual(
    benchmark.questions,
    lines.map(({ question_id: questionId, image, text }, index) => ({ index, questionId, image, text })),
  );
  assert.deepEqual([0, 1, 2, 3].map(benchmark.gold), ['No', 'No', 'Yes', 'Yes']);
  assert.deepEqual(benchmark.files, [QUESTION_FILE]);
  assert.equal(benchmark.score(['No', 'No', 'Yes', 'Yes'])?.scores['perception'], 400);
  assert.deepEqual(benchmark.submission(['No', null, 'Yes\nindeed', 'Yes']), [
    {
      name: 'mme-results/artwork.txt',
      content:
        '0001.txt\tIs it Musée? Please answer yes or no.\tNo\tNo\n' +
        '0001.txt\tIs it a artwork? Please answer yes or no.\tYes\tYes indeed\n',
    },
    {
      name: 'mme-results/color.txt',
      content:
        '0001.txt\tIs it Musée?  Please answer yes or no.\tNo\t\n' +
        '0001.txt\tIs it a color?  Please answer yes or no.\tYes\tYes\n',
    },
  ]);

  const limited = await mme.load(folder, { protocol: 'llava', limit: 3 });
  assert.equal(limited.questions.length, 3);

  await writeFile(QUESTION_FILE, JSON.stringify({ ...lines[0], text: `Is it a color?${SUFFIX}` }));
  await assert.rejects(mme.load(folder, { protocol: 'llava' }), {
    name: 'UserError',
    message: /llava_mme\.jsonl, record 1: 0001\.txt of artwork has no question "Is it a color/,
  });
});

test('missing and invalid files are named', async () => {
  await writeRelease();
  await rm(join(RELEASE, 'count', '0001.png'));
  const benchmark = await mme.load(folder, { protocol: 'llava' });
  await assert.rejects(benchmark.images.read(benchmark.questions[2]!.image!), {
    code: 'missing',
    message: /count.0001\.jpg does not exist/,
  });
  await assert.rejects(mme.load(folder, { protocol: 'llava', split: 'val' }), { exitCode: 2 });

  await writeFile(join(RELEASE, 'count', '0001.txt'), 'Is it? Please answer yes or no.\tYes\nIs it not?\tPerhaps\n');
  await assert.rejects(mme.load(folder, { protocol: 'llava' }), {
    message: /count\/0001\.txt, line 2: expected a question/,
  });
  for (const [content, count] of [
    ['', 'no question'],
    ['Is it? Please answer yes or no.\tYes\n', '1 question'],
  ] as const) {
    await writeFile(join(RELEASE, 'count', '0001.txt'), content);
    await assert.rejects(mme.load(folder, { protocol: 'llava' }), {
      message: new RegExp(`count/0001\\.txt has ${count}; MME asks 2 about every image`),
    });
  }
  await writeFile(join(RELEASE, 'count', '0001.txt'), Buffer.from('Is it a caf\xe9?\tYes\nIs it?\tNo\n', 'latin1'));
  await assert.rejects(mme.load(folder, { protocol: 'llava' }), { message: /count\/0001\.txt, line 1 is not UTF-8/ });
  await rm(join(RELEASE, 'count'), { recursive: true });
  await assert.rejects(mme.load(folder, { protocol: 'llava' }), { message: /has no question files for count/ });
  await rm(RELEASE, { recursive: true });
  await assert.rejects(mme.load(folder, { protocol: 'llava' }), { message: /neither MME_Benchmark_release_version/ });
});

test('the embedded sample loads', async () => {
  const benchmark = await mme.load(join(projectRoot, 'sample', 'benchmarks', 'mme'), { protocol: 'llava' });
  assert.equal(benchmark.questions.length, 84);
  for (const { image } of benchmark.questions) assert.ok((await benchmark.images.read(image!)).length > 0);
  assert.equal(benchmark.score(benchmark.questions.map((_, i) => benchmark.gold(i)))?.scores['perception'], 2000);
});
