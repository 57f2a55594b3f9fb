import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { restrictToRows } from '../../../src/benchmarks/shared/restrict-to-rows.js';
import { columnSums } from '../../../src/benchmarks/shared/statistics.js';
import { scoreAnswers } from '../../../src/evaluation/score-answers.js';
import { evaluateFormula } from '../../../src/results/statistics/formula.js';
import { projectRoot } from '../../fixtures.js';
import { asLines, loadOwn } from './own-task.js';

const folder = await mkdtemp(join(tmpdir(), 'llavahr-task-score-'));
after(() => rm(folder, { recursive: true }));

/** Questions 0 to 5: two groups of circular copies, two categories. */
const QUESTIONS = [
  { q: 'a', a: 'x', i: 1, k: 'one' },
  { q: 'b', a: 'x', i: 2, k: 'two' },
  { q: 'a again', a: 'x', i: 1_000_001, k: 'one' },
  { q: 'b again', a: 'x', i: 1_000_002, k: 'two' },
  { q: 'a once more', a: 'x', i: 2_000_001, k: 'one' },
];
const load = (changes: object, limit?: number) =>
  loadOwn(
    folder,
    { fields: { question: 'q', answer: 'a', category: 'k' }, ...changes },
    { 'q.jsonl': asLines(...QUESTIONS) },
    { limit },
  );
const ANSWERS = ['x', 'x', 'x', 'y', 'x'];

/** Whether each main score is what its formula gives for the sums over all questions. */
function checkFormulas(score: NonNullable<ReturnType<Awaited<ReturnType<typeof load>>['score']>>): void {
  for (const [name, { width, counts, formula }] of Object.entries(score.statistics)) {
    const value = evaluateFormula(formula, columnSums(counts, width));
    assert.ok(Math.abs(value - score.scores[name]!) < 1e-9, name);
  }
}

test('circular evaluation wants every copy right', async () => {
  const benchmark = await load({ circular: { column: 'i', modulo: 1_000_000 } });
  const score = benchmark.score(ANSWERS)!;
  assert.deepEqual(score.scores, { circular: 50, accuracy: 80, 'accuracy/one': 100, 'accuracy/two': 50 });
  assert.deepEqual([score.headline, score.counts['circular'], score.perQuestion], ['circular', 2, [1, 1, 1, 0, 1]]);
  checkFormulas(score);
  const { intervals } = scoreAnswers(benchmark, ANSWERS).metrics;
  assert.ok(intervals['circular']!.low < 50 && intervals['circular']!.high > 50);
});

test('circular accuracy equals the recorded one of the official rule', async () => {
  const path = join(projectRoot, 'test', 'fixtures', 'metrics', 'circular.json');
  const { columns, cases } = JSON.parse(readFileSync(path, 'utf8')) as CircularFixture;
  const task = {
    splits: { test: { files: ['q.tsv'] } },
    fields: { id: 'index', question: 'q', options: ['A', 'B', 'C', 'D'], answer: 'answer' },
    metric: 'choice-vlmevalkit',
    circular: { column: 'index', modulo: 1_000_000 },
  };
  for (const { circular, rows } of cases) {
    const lines = rows.map((row) => ['What?', ...row].join('\t'));
    const { score } = await loadOwn(folder, task, {
      'q.tsv': `${['q', ...columns].join('\t')}\n${lines.join('\n')}\n`,
    });
    const ours = score(rows.map((row) => String(row.at(-1))))!.scores['circular']!;
    assert.ok(Math.abs(ours - circular) < 1e-9, `${ours}, official ${circular}`);
  }
});

interface CircularFixture {
  columns: string[];
  cases: { circular: number; rows: (string | number)[][] }[];
}

test('of a part, only complete circular groups count', async () => {
  const benchmark = await load({ circular: { column: 'i', modulo: 1_000_000 } });
  const part = restrictToRows(benchmark, [0, 1, 3]);
  assert.deepEqual(part.score(['x', 'x', 'x'])!.scores['circular'], 100);
  assert.equal(part.score(['x', 'x', 'x'])!.counts['circular'], 1);
  const none = restrictToRows(benchmark, [0]).score(['x'])!;
  assert.deepEqual([none.headline, none.scores['circular'], none.scores['accuracy']], [null, undefined, 100]);
});

test('a limit makes a part as well', async () => {
  const circular = { circular: { column: 'i', modulo: 1_000_000 } };
  const { headline, scores, counts } = (await load(circular, 4)).score(ANSWERS.slice(0, 4))!;
  assert.deepEqual([headline, scores['circular'], counts['circular']], ['circular', 0, 1]);
  assert.equal((await load(circular, 2)).score(ANSWERS.slice(0, 2))!.headline, null);
  assert.equal((await load({ score: 'sum' }, 4)).score(ANSWERS.slice(0, 4))!.headline, 'accuracy');
  assert.equal((await load({ score: 'sum' }, 9)).score(ANSWERS)!.headline, 'points');
});

test('a sum is in points, and is not given for a part', async () => {
  const benchmark = await load({ score: 'sum' });
  const score = benchmark.score(ANSWERS)!;
  assert.deepEqual(
    [score.headline, score.scores['points'], score.scores['accuracy'], score.points],
    ['points', 4, 80, ['points']],
  );
  checkFormulas(score);
  const part = restrictToRows(benchmark, [0, 1]).score(['x', 'x'])!;
  assert.deepEqual([part.headline, part.scores['points'], part.scores['accuracy']], ['accuracy', undefined, 100]);
});

test('a macro mean is the mean of the categories', async () => {
  const score = (await load({ score: 'macro-mean' })).score(ANSWERS)!;
  assert.deepEqual([score.headline, score.scores['macro'], score.scores['accuracy']], ['macro', 75, 80]);
  checkFormulas(score);
});

test('questions without a category are named where they have no part in a macro mean', async () => {
  const questions = [{ k: 'one' }, { k: 'two' }, {}].map((more) => ({ q: 'q', a: 'x', ...more }));
  const changes = { fields: { question: 'q', answer: 'a', category: 'k' }, score: 'macro-mean' };
  const { scores, notes } = (await loadOwn(folder, changes, { 'q.jsonl': asLines(...questions) })).score([
    'x',
    'x',
    'y',
  ])!;
  assert.equal(scores['macro'], 100);
  assert.deepEqual(notes, ['1 question has no category and no part in macro.']);
});

test('a category named like a score does not take its place', async () => {
  const changes = { mainCategories: true, score: 'macro-mean', categoryNames: { one: 'macro' } };
  const { scores } = (await load(changes)).score(ANSWERS)!;
  assert.deepEqual(scores, { accuracy: 80, 'accuracy/macro': 100, two: 50, macro: 75 });
});

test('categories with the same name are one', async () => {
  const changes = { mainCategories: true, categoryNames: { one: 'both', two: 'both' } };
  const score = (await load(changes)).score(ANSWERS)!;
  assert.deepEqual([score.scores['both'], score.counts['both']], [80, 5]);
  checkFormulas(score);
});

test('main categories have names of their own and intervals', async () => {
  const score = (await load({ mainCategories: true, categoryNames: { one: 'first', two: 'accuracy' } })).score(
    ANSWERS,
  )!;
  assert.deepEqual(score.scores, { accuracy: 80, first: 100, 'accuracy/accuracy': 50 });
  assert.deepEqual(Object.keys(score.statistics), ['accuracy', 'first']);
  checkFormulas(score);
});

test('the scored part of an answer is extracted, and what is not there can be wrong', async () => {
  const lenient = await load({ extract: { patterns: ['(?i)answer[: ]+(\\w+)', 'y'] } });
  assert.deepEqual(
    ['The Answer: X', 'x', 'zy', 'xx'].map((answer) => lenient.scoreOne(0, answer)),
    [1, 1, 0, 0],
  );
  const either = await load({ extract: { patterns: ['number (\\d+)|letter (\\w)'] } });
  assert.equal(either.scoreOne(0, 'the letter x'), 1);
  const strict = await load({ extract: { patterns: ['<(.*?)>'], otherwise: 'nothing' } });
  const { perQuestion, unparsable } = strict.score(['<x>', 'x', '<y>', null, '< x. >'])!;
  assert.deepEqual([perQuestion, unparsable], [[1, 0, 0, 0, 1], 1]);
});

test('a pattern that would backtrack for ever takes no time', async () => {
  const benchmark = await load({ extract: { patterns: ['(a+)+$', '(x+x+)+y'] } });
  const start = performance.now();
  assert.equal(benchmark.scoreOne(0, `${'a'.repeat(50_000)}!`), 0);
  assert.equal(benchmark.scoreOne(0, 'x'.repeat(50_000)), 0);
  assert.ok(performance.now() - start < 5000);
});

test('categories with the names of object properties do no harm', async () => {
  const questions = ['__proto__', 'constructor', 'toString'].map((k) => ({ q: 'q', a: 'x', k }));
  const fields = { question: 'q', answer: 'a', category: 'k' };
  const changes = { fields, mainCategories: true, categoryNames: { a: 'b' } };
  const { score } = await loadOwn(folder, changes, { 'q.jsonl': asLines(...questions) });
  const { scores } = score(['x', 'y', 'x'])!;
  assert.equal(Object.getPrototypeOf(scores), Object.prototype);
  assert.deepEqual(Object.keys(scores), ['accuracy', 'accuracy/__proto__', 'constructor', 'toString']);
});
