import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { questionScores, readQuestionScores, writeQuestionScores } from '../../../src/results/runs/question-scores.js';
import { evaluateFormula, MEAN_PERCENT, percentOf } from '../../../src/results/statistics/formula.js';
import { temporaryFolder } from '../samples.js';

const shared = Float64Array.of(1, 5, 1, 0, 6, 1, 1, 7, 1); // of three columns; the last counts the questions
const questions = questionScores([1, null, 0.3], ['a', null, 'a'], {
  first: { width: 3, counts: shared, formula: percentOf([[0, 1]], [[2, 1]], 'nothing') },
  both: { width: 3, counts: shared, formula: percentOf([[0, 2]], [[1, 1]], 'zero') },
  other: { width: 2, counts: Float64Array.of(1, 1, 0, 1, 0.3, 1), formula: MEAN_PERCENT },
});

test('columns shared by scores are stored once, constant columns as a number', () => {
  assert.deepEqual(
    questions.columns.map((column) => (typeof column === 'number' ? column : [...column])),
    [[1, 0, 1], 1, [5, 6, 7], [1, 0, 0.3]],
  );
  const sums = questions.columns.map((column) =>
    typeof column === 'number' ? 3 * column : column.reduce((sum, count) => sum + count, 0),
  );
  const scores = Object.entries(questions.formulas).map(([name, formula]) => [name, evaluateFormula(formula, sums)]);
  assert.deepEqual(scores, [
    ['first', 100 * (2 / 3)],
    ['both', 100 * (4 / 18)],
    ['other', 100 * (1.3 / 3)],
  ]);
});

test('question scores are read back as written', async (t) => {
  const folder = await temporaryFolder(t);
  assert.equal(await readQuestionScores(folder), null);
  await writeQuestionScores(folder, questions);
  assert.deepEqual(await readQuestionScores(folder), questions);
});

test('an inconsistent file is rejected', async (t) => {
  const folder = await temporaryFolder(t);
  await writeQuestionScores(folder, questions);
  const path = join(folder, 'question-scores.json');
  const good = JSON.parse(await readFile(path, 'utf8'));
  for (const [change, message] of [
    [{ schemaVersion: 1 }, /schemaVersion must be equal to constant/],
    [{ scores: [1, 2, 0] }, /scores\.1 must be <= 1/],
    [{ imageOf: [0, null, 9] }, /question-scores\.json is damaged: .*image/],
    [{ scores: [1, 0] }, /question-scores\.json is damaged: its lists differ in length/],
    [{ columns: [[1, 0], 1, [5, 6, 7], [1, 0, 0.3]] }, /question-scores\.json is damaged: its lists differ in length/],
    [{ columns: [1] }, /question-scores\.json is damaged: .*column/],
  ] as const) {
    await writeFile(path, JSON.stringify({ ...good, ...change }));
    await assert.rejects(readQuestionScores(folder), { name: 'UserError', message });
  }
});
