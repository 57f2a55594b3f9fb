import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { LoadedBenchmark } from '../../../src/benchmarks/benchmark.js';
import { EXTRA_BENCHMARKS, findBenchmark } from '../../../src/benchmarks/registry.js';
import { TASKS_FOLDER } from '../../../src/benchmarks/tasks/embedded-tasks.js';
import { readTaskFile } from '../../../src/benchmarks/tasks/read-task-file.js';
import { readCatalogue } from '../../../src/datasets/catalogue.js';
import { sampleData } from '../../../src/evaluation/sample.js';

/** The embedded sample of a benchmark. */
const load = (name: string): Promise<LoadedBenchmark> =>
  findBenchmark(name).load(sampleData(name), { protocol: 'llava', images: false });

const LETTER = "Answer with the option's letter from the given choices directly.";
const PHRASE = 'Answer the question using a single word or phrase.';

/** The first question of each sample as the model is asked it, the limit of its answer, and the right answer. */
const FIRST: Record<string, { text: string; tokens: number; gold: string }> = {
  chartqa: {
    text: 'What is the value of the green bar?\nAnswer the question with a single word.',
    tokens: 16,
    gold: '98',
  },
  docvqa: { text: `What is the title of this book?\n${PHRASE}`, tokens: 32, gold: 'Golden Harbor' },
  infovqa: { text: `What does the green sign say?\n${PHRASE}`, tokens: 32, gold: '813' },
  // The official file's questions contain the instruction.
  ocrbench: { text: `What does the sign say?\n${PHRASE}`, tokens: 100, gold: 'pizza' },
  realworldqa: {
    text: 'What is the color of the star?\nA. blue\nB. orange\nC. black\nPlease answer directly with only the letter of the correct option and nothing else.',
    tokens: 16,
    gold: 'A',
  },
  ai2d: {
    text: `What shape is the green object?\nA. square\nB. cross\nC. star\nD. triangle\n${LETTER}`,
    tokens: 16,
    gold: 'A',
  },
  'hrbench-4k': {
    text: `What word is written on the sign?\nA. bakery\nB. sale\nC. tea\nD. gym\n${LETTER}`,
    tokens: 128,
    gold: 'C',
  },
  'hrbench-8k': {
    text: `What does the orange sign say?\nA. zone\nB. lift\nC. rice\nD. bar\n${LETTER}`,
    tokens: 128,
    gold: 'A',
  },
  vstar: {
    text: `What word is written on the sign?\n(A) fish\n(B) doctor\n(C) bar\n(D) music\n${LETTER}`,
    tokens: 128,
    gold: 'B',
  },
  mmbench: {
    text: `Look at the picture.\nWhat is the color of the square?\nA. white\nB. red\nC. orange\nD. black\n${LETTER}`,
    tokens: 1024,
    gold: 'B',
  },
  'mmbench-cn': {
    text: 'cross是什么颜色？\nA. black\nB. red\nC. green\nD. orange\n请直接回答选项字母。',
    tokens: 1024,
    gold: 'B',
  },
  mmmu: {
    text: `<image 1> What is the color of the triangle?\n(A) orange\n(B) black\n(C) purple\n(D) yellow\n\n${LETTER}`,
    tokens: 16,
    gold: 'C',
  },
};

for (const { name } of EXTRA_BENCHMARKS) {
  test(`${name}: the prompt, the limit and the right answer`, async () => {
    const benchmark = await load(name);
    const { text } = benchmark.questions[0]!;
    assert.deepEqual({ text, tokens: benchmark.maxNewTokens, gold: benchmark.gold(0) }, FIRST[name]);
    assert.equal(new Set(benchmark.questions.map(({ questionId }) => questionId)).size, benchmark.questions.length);
  });
}

test('every shipped task file is valid, has a licence and an entry in datasets.json with its splits', async () => {
  const names = EXTRA_BENCHMARKS.map(({ name }) => name);
  assert.deepEqual(readdirSync(TASKS_FOLDER).sort(), names.map((name) => `${name}.json`).sort());
  const { benchmarks } = await readCatalogue();
  for (const name of names) {
    const task = readTaskFile(join(TASKS_FOLDER, `${name}.json`));
    const entry = benchmarks.find((one) => one.name === name)!;
    assert.equal(task.name, name);
    assert.deepEqual(
      entry.splits.map((split) => split.name),
      Object.keys(task.splits),
    );
    assert.ok(task.licence && entry.licence.text.length > 0);
    assert.match(task.source!, new RegExp(`\`llavahr download ${name}\``));
    for (const repository of entry.splits.flatMap(({ hub }) => hub?.repos ?? [])) {
      assert.ok(task.source!.includes(repository), `${name} names ${repository}`);
    }
  }
});

test('ChartQA: a tolerance of 5 %, none for zero, and percent is not always the same', async () => {
  const { questions, gold, scoreOne } = await load('chartqa');
  const zero = questions.find(({ index }) => gold(index) === '0')!.index;
  const percent = questions.find(({ index }) => gold(index)!.endsWith('%'))!.index;
  const value = Number.parseInt(gold(percent)!, 10);
  assert.deepEqual(
    ['98', '102.8', '103', '93.2', '98%', '98 dollars', '98.'].map((answer) => scoreOne(0, answer)),
    [1, 1, 0, 1, 0, 0, 1],
  );
  assert.deepEqual(
    ['0', '0.0', '0%'].map((answer) => scoreOne(zero, answer)),
    [1, 0, 0],
  );
  assert.deepEqual(
    [`${value}%`, `${value} %`, `${value / 100}`, `${value}`].map((answer) => scoreOne(percent, answer)),
    [1, 1, 1, 0],
  );
});

test('DocVQA: questions about a page share it, the best of several answers counts, and below one half nothing does', async () => {
  const { questions, scoreOne } = await load('docvqa');
  assert.ok(new Set(questions.map(({ image }) => image)).size < questions.length);
  assert.deepEqual(
    ['golden harbor', 'GOLDEN  HARBOR', 'Golden', 'Harbo'].map((answer) => scoreOne(0, answer)),
    [1, 1, 0, 0],
  );
  assert.equal(scoreOne(0, 'Golden Harbour'), 1 - 1 / 14);
});

test('OCRBench: formulas keep case and ignore spaces, all else the other way round', async () => {
  const { questions, category, gold, scoreOne } = await load('ocrbench');
  const isFormula = (index: number) => category!(index) === 'Handwritten Mathematical Expression Recognition';
  const formula = questions.find(({ index }) => isFormula(index))!.index;
  const text = gold(formula)!;
  assert.ok(text.includes(' '));
  assert.deepEqual(
    [text, text.replaceAll(' ', ''), `it is ${text}!`].map((answer) => scoreOne(formula, answer)),
    [1, 1, 1],
  );
  assert.deepEqual(
    ['Pizza', 'a pizzas', 'piz za'].map((answer) => scoreOne(0, answer)),
    [1, 1, 0],
  );
});

test('RealWorldQA and AI2D want the answer alone', async () => {
  const [real, ai2d] = [await load('realworldqa'), await load('ai2d')];
  for (const { scoreOne } of [real, ai2d]) {
    assert.deepEqual(
      ['A', 'a', 'A.', 'A. square', 'B'].map((answer) => scoreOne(0, answer)),
      [1, 1, 1, 0, 0],
    );
  }
  assert.deepEqual(
    ['(A)', ' A '].map((answer) => [real.scoreOne(0, answer), ai2d.scoreOne(0, answer)]),
    [
      [0, 1],
      [1, 0],
    ],
  );
});

test('HR-Bench: an option is found by its letter or its text, and cells that pandas reads as missing are none', async () => {
  const benchmark = await load('hrbench-4k');
  assert.deepEqual(
    ['C', 'tea', 'It says tea.', 'C. tea', 'The answer is C', 'c', 'tea or gym', 'B'].map((answer) =>
      benchmark.scoreOne(0, answer),
    ),
    [1, 1, 1, 1, 1, 0, 0, 0],
  );
  for (const { text } of (await load('mmbench')).questions) assert.doesNotMatch(text, /nan|C\. *\n|D\. *\n/);
});

test('HR-Bench and MMBench: four questions about an image are its circular copies', async () => {
  const { questions, gold } = await load('hrbench-4k');
  for (const { image } of questions) {
    const copies = questions.filter((other) => other.image === image);
    assert.equal(copies.length % 4, 0);
    assert.ok(new Set(copies.map(({ index }) => gold(index))).size > 1);
  }
  const mmbench = await load('mmbench');
  const right = mmbench.questions.map(({ index }) => mmbench.gold(index));
  const [first] = right;
  const oneWrong = [first === 'A' ? 'B' : 'A', ...right.slice(1)];
  const score = mmbench.score(oneWrong)!;
  assert.equal(score.headline, 'circular');
  const groups = score.counts['circular']!;
  assert.ok(Math.abs(score.scores['circular']! - (100 * (groups - 1)) / groups) < 1e-9);
  assert.equal(score.scores['accuracy'], (100 * (right.length - 1)) / right.length);
});

test('MMMU: open questions are asked and read in another way, and several images become the first', async () => {
  const benchmark = await load('mmmu');
  const { questions, gold, scoreOne } = benchmark;
  const open = questions.find(({ text }) => text.endsWith(PHRASE))!.index;
  assert.doesNotMatch(questions[open]!.text, /\(A\)/);
  assert.deepEqual(
    [gold(open)!, `The answer is ${gold(open)}.`, 'nothing at all'].map((answer) => scoreOne(open, answer)),
    [1, 1, 0],
  );
  assert.deepEqual(
    ['C', '(C)', 'The answer is (C).', 'purple', 'B', ''].map((answer) => scoreOne(0, answer)),
    [1, 1, 1, 0, 0, 0],
  );
  assert.ok(questions.some(({ text }) => text.includes('<image 2>')));
  assert.ok(questions.every(({ image }) => image !== null));
  const several = questions.find(({ index }) => (benchmark.humanAnswers?.(index)?.length ?? 0) > 1)!.index;
  for (const answer of benchmark.humanAnswers!(several)!) assert.equal(scoreOne(several, answer!), 1);
});

test('V*Bench: kinds of questions have names of the paper, and letters are found as lmms-eval finds them', async () => {
  const benchmark = await load('vstar');
  const { scores } = benchmark.score(benchmark.questions.map(() => 'B'))!;
  assert.deepEqual(Object.keys(scores), ['accuracy', 'attribute', 'spatial']);
  assert.deepEqual(
    ['B', 'b', '(B) doctor', 'The answer is: B', 'Bakery', 'doctor', 'none'].map((answer) =>
      benchmark.scoreOne(0, answer),
    ),
    [1, 1, 1, 1, 1, 0, 0],
  );
});
