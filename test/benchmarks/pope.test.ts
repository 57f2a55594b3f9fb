import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { pope } from '../../src/benchmarks/pope.js';
import {
  POPE_CATEGORIES,
  type PopeCategory,
  type PopeItem,
  type PopeLabel,
  popeVerdict,
  scorePope,
} from '../../src/benchmarks/pope-score.js';
import type { Statistic } from '../../src/results/statistics/formula.js';
import { evaluateFormula } from '../../src/results/statistics/formula.js';
import { fixture, projectRoot } from '../fixtures.js';

/** Printed by the official algorithms (LLaVA eval_pope.py; lmms-eval pope/utils.py) on random and awkward answers. */
interface OfficialScores {
  /** Text, and how eval_pope.py and lmms-eval interpret it. */
  verdicts: [string, string, string][];
  cases: {
    categories: Record<PopeCategory, { labels: string; answers: string[]; official: Record<string, number> }>;
    lmms: Record<string, number>;
  }[];
}

const official = JSON.parse(await readFile(fixture('pope', 'official-scores.json'), 'utf8')) as OfficialScores;
const folder = await mkdtemp(join(tmpdir(), 'llavahr-pope-'));
after(() => rm(folder, { recursive: true }));

const SUFFIX = '\nAnswer the question using a single word or phrase.';
const QUESTION_FILE = join(folder, 'llava_pope_test.jsonl');

function labelsOf(letters: string): PopeLabel[] {
  return [...letters].map((letter) => (letter === 'y' ? 'yes' : 'no'));
}

function closeTo(actual: number | undefined, expected: number): void {
  assert.ok(Math.abs(actual! - expected) < 1e-11, `${actual} is not ${expected}`);
}

test('answers are interpreted like the official scripts', () => {
  assert.ok(official.verdicts.length > 2000);
  for (const [text, llava, lmms] of official.verdicts) {
    assert.equal(popeVerdict(text, 'llava'), llava, JSON.stringify(text));
    assert.equal(popeVerdict(text, 'lmms-eval'), lmms, JSON.stringify(text));
  }
});

official.cases.forEach(({ categories, lmms }, i) => {
  const items: PopeItem[] = POPE_CATEGORIES.flatMap((category) =>
    labelsOf(categories[category].labels).map((label) => ({ category, label })),
  );
  const answers = POPE_CATEGORIES.flatMap((category) => categories[category].answers);
  const labelLines = {
    adversarial: labelsOf(categories.adversarial.labels),
    random: labelsOf(categories.random.labels),
    popular: labelsOf(categories.popular.labels),
  };

  test(`run ${i + 1}: eval_pope.py's scores of each category, and their means`, () => {
    const { scores, notes, statistics } = scorePope(items, answers, 'llava', labelLines);
    for (const metric of ['f1', 'accuracy', 'precision', 'recall', 'yes-ratio']) {
      const fractions = POPE_CATEGORIES.map((category) => categories[category].official[metric]!);
      POPE_CATEGORIES.forEach((category, k) => {
        assert.equal(scores[`${category}/${metric}`], 100 * fractions[k]!);
      });
      closeTo(scores[metric], (100 * fractions.reduce((a, b) => a + b)) / 3);
      closeTo(statisticOf(statistics[metric]!), scores[metric]!);
    }
    assert.ok(!notes.some((note) => note.includes('line by line')));
  });

  test(`run ${i + 1}: lmms-eval's pooled scores`, () => {
    const { scores, statistics } = scorePope(items, answers, 'lmms-eval', labelLines);
    for (const [metric, fraction] of Object.entries(lmms)) {
      assert.equal(scores[metric], 100 * fraction);
      closeTo(statisticOf(statistics[metric]!), scores[metric]!);
    }
  });
});

/** The score that a statistic gives for all questions. */
function statisticOf({ width, counts, formula }: Statistic): number {
  const sums = new Array<number>(width).fill(0);
  counts.forEach((count, i) => {
    sums[i % width]! += count;
  });
  return evaluateFormula(formula, sums);
}

test("LLaVA-1.5-13B's counts give its published score of 85.9", () => {
  const counts = { adversarial: [1182, 117, 1383, 318], random: [1182, 31, 1379, 318], popular: [1182, 59, 1441, 318] };
  const outcomes: [PopeLabel, string][] = [
    ['yes', 'Yes'],
    ['no', 'Yes'],
    ['no', 'No'],
    ['yes', 'No'],
  ];
  const rows = POPE_CATEGORIES.flatMap((category) =>
    counts[category].flatMap((count, i) => new Array(count).fill({ category, outcome: outcomes[i]! })),
  ) as { category: PopeCategory; outcome: [PopeLabel, string] }[];
  const items = rows.map(({ category, outcome: [label] }) => ({ category, label }));
  const lines = Object.fromEntries(
    POPE_CATEGORIES.map((name) => [name, items.filter(({ category }) => category === name).map(({ label }) => label)]),
  ) as Record<PopeCategory, PopeLabel[]>;
  const answers = rows.map(({ outcome: [, answer] }) => answer);
  const { scores, n, notes } = scorePope(items, answers, 'llava', lines);
  assert.equal(n, 8910);
  assert.deepEqual(notes, []);
  assert.deepEqual(
    ['adversarial/f1', 'popular/f1', 'random/f1', 'f1'].map((name) => scores[name]!.toFixed(3)),
    ['84.459', '86.246', '87.136', '85.947'],
  );
});

const YES_NO: PopeItem[] = POPE_CATEGORIES.flatMap((category): PopeItem[] => [
  { category, label: 'yes' },
  { category, label: 'no' },
  { category, label: 'no' },
]);
const YES_NO_LINES: Record<PopeCategory, PopeLabel[]> = {
  adversarial: ['yes', 'no', 'no'],
  random: ['yes', 'no', 'no'],
  popular: ['yes', 'no', 'no'],
};

test('a missing answer is always wrong, and a note gives the score of joining by line', () => {
  const answers = ['Yes', 'No', 'No', null, 'No', 'No', 'Yes', null, 'No'];
  const { scores, failed, perQuestion, notes } = scorePope(YES_NO, answers, 'llava', YES_NO_LINES);
  assert.deepEqual(perQuestion, [1, 1, 1, 0, 1, 1, 1, 0, 1]);
  assert.equal(failed, 2);
  assert.equal(scores['random/recall'], 0);
  assert.equal(scores['popular/precision'], 50);
  assert.equal(scores['popular/yes-ratio'], 50);
  // Line by line: random pairs "No", "No" with yes, no (F1 0); popular "Yes", "No" with yes, no (F1 1).
  assert.ok(notes.some((note) => /line by line.* 66\.67/.test(note)));
  assert.ok(notes.some((note) => /^random: .*division by zero/.test(note)));
});

test('a category without "yes" answers scores 0 with a note', () => {
  const answers = ['Yes', 'No', 'No', 'No', 'No', 'No', 'Yes', 'No', 'No'];
  const { scores, notes } = scorePope(YES_NO, answers, 'llava', YES_NO_LINES);
  closeTo(scores['f1'], 200 / 3);
  assert.deepEqual(notes, ['random: undefined metrics count as 0; eval_pope.py would fail with a division by zero.']);
});

test('answers that say neither yes nor no are counted', () => {
  const answers = ['NO', 'No', 'a dog', 'Yes.', 'no, none', "isn't", 'yes', 'No', ''];
  assert.equal(scorePope(YES_NO, answers, 'llava', YES_NO_LINES).unparsable, 4);
  assert.equal(scorePope(YES_NO, answers, 'lmms-eval', YES_NO_LINES).unparsable, 5);
});

interface Line {
  question_id: number;
  image: string;
  text: string;
  label: string;
}

const LINES: Line[] = [
  { question_id: 1, image: 'a.jpg', text: 'Is there a dog in the image?', label: 'yes' },
  { question_id: 2, image: 'a.jpg', text: 'Is there an apple in the image?', label: 'no' },
];

async function writeFiles(options: { random?: unknown[]; prompts?: unknown[] } = {}): Promise<void> {
  await mkdir(join(folder, 'val2014'), { recursive: true });
  for (const category of POPE_CATEGORIES) {
    const lines = category === 'random' ? (options.random ?? LINES) : LINES;
    await writeFile(join(folder, `coco_pope_${category}.json`), lines.map((line) => JSON.stringify(line)).join('\n'));
  }
  await rm(QUESTION_FILE, { force: true });
  if (options.prompts) await writeFile(QUESTION_FILE, options.prompts.map((line) => JSON.stringify(line)).join('\n'));
}

test("POPE's own files give the same order, ids and prompts as LLaVA's", async () => {
  await writeFiles();
  const benchmark = await pope.load(folder, { protocol: 'llava' });
  assert.deepEqual(
    benchmark.questions.map(({ questionId }) => questionId),
    [1, 2, 10000001, 10000002, 20000001, 20000002],
  );
  assert.deepEqual(benchmark.questions[3], {
    index: 3,
    questionId: 10000002,
    image: 'a.jpg',
    text: `Is there an apple in the image?${SUFFIX}`,
  });
  assert.deepEqual([benchmark.gold(0), benchmark.gold(1)], ['yes', 'no']);
  assert.equal(benchmark.files.length, 3);
  assert.equal(benchmark.maxNewTokens, 128);
  assert.deepEqual(benchmark.submission(['Yes']), []);
});

test("LLaVA's question file determines order and wording; labels are joined by category and id", async () => {
  const prompts = [
    { question_id: 10000002, image: 'a.jpg', text: `Is there an apple in the imange?${SUFFIX}`, category: 'random' },
    { question_id: 1, image: 'a.jpg', text: `Is there a dog in the image?${SUFFIX}`, category: 'adversarial' },
    { question_id: 10000001, image: 'a.jpg', text: `Is there a dog in the image?${SUFFIX}`, category: 'random' },
  ];
  await writeFiles({ prompts });
  const benchmark = await pope.load(folder, { protocol: 'llava' });
  assert.deepEqual(
    benchmark.questions.map(({ text }) => text),
    prompts.map(({ text }) => text),
  );
  assert.deepEqual([0, 1, 2].map(benchmark.gold), ['no', 'yes', 'yes']);
  assert.equal(benchmark.files.at(-1), QUESTION_FILE);
  const score = benchmark.score(['No', 'Yes', 'Yes'])!;
  assert.equal(score.scores['f1'], 100);
  // Joined by line, the first random answer would be compared with the label of the dog.
  assert.ok(score.notes.some((note) => /line by line.*50\.00/.test(note)));
  assert.ok(score.notes.some((note) => /only: no questions of popular were answered/.test(note)));

  const lmms = await pope.load(folder, { protocol: 'lmms-eval' });
  assert.equal(lmms.questions.length, 6);
  assert.equal(lmms.questions[3]?.text, `Is there an apple in the image?${SUFFIX}`);
});

test('limit selects the first questions, and only their categories count', async () => {
  await writeFiles();
  const benchmark = await pope.load(folder, { protocol: 'llava', limit: 2 });
  const { scores, n } = benchmark.score(['Yes', 'Yes'])!;
  assert.equal(n, 2);
  closeTo(scores['f1'], 200 / 3);
  assert.equal(scores['yes-ratio'], 100);
  assert.equal(scores['random/f1'], undefined);
});

test('a question file of a different version gives an error that names the record', async () => {
  const prompts = [{ question_id: 10000002, image: 'a.jpg', text: `Is there a cat?${SUFFIX}`, category: 'random' }];
  await writeFiles({ prompts });
  await assert.rejects(pope.load(folder, { protocol: 'llava' }), {
    name: 'UserError',
    message:
      /llava_pope_test\.jsonl, record 1: coco_pope_random\.json has no matching question 2 about a\.jpg.*e3e39262/s,
  });
});

test('invalid labels, missing files and unknown splits give errors', async () => {
  await writeFiles({ random: [LINES[0], { ...LINES[1], label: 'maybe' }] });
  await assert.rejects(pope.load(folder, { protocol: 'llava' }), {
    message: /coco_pope_random\.json, line 2: label must be equal to one of the allowed values/,
  });
  await writeFiles();
  await assert.rejects(pope.load(folder, { protocol: 'llava', split: 'val' }), {
    exitCode: 2,
    message: /no split "val"/,
  });
  await rm(join(folder, 'val2014'), { recursive: true });
  await assert.rejects(pope.load(folder, { protocol: 'llava' }), { message: /val2014\.zip/ });
  assert.equal((await pope.load(folder, { protocol: 'llava', images: false })).questions.length, 6);
  await rm(join(folder, 'coco_pope_popular.json'));
  await assert.rejects(pope.load(folder, { protocol: 'llava' }), { message: /popular\.json does not exist.*github/s });
});

test('the embedded sample loads', async () => {
  const benchmark = await pope.load(join(projectRoot, 'sample', 'benchmarks', 'pope'), { protocol: 'llava' });
  assert.equal(benchmark.questions.length, 162);
  for (const { image } of benchmark.questions) assert.ok((await benchmark.images.read(image!)).length > 0);
  const golds = benchmark.questions.map(({ index }) => benchmark.gold(index)!);
  assert.equal(benchmark.score(golds)?.scores['f1'], 100);
});
