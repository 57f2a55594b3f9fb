import assert from 'node:assert/strict';
import test from 'node:test';
import { categoryDifferences } from '../../../src/results/reports/category-differences.js';
import { questionScores } from '../../../src/results/runs/question-scores.js';

test('the mean difference of each category, with an interval around it', () => {
  const clusters = Array.from({ length: 40 }, (_, i) => `${i}.jpg`);
  const categories = clusters.map((_, i) => (i < 29 ? 'text' : i === 29 ? 'alone' : null));
  const first = questionScores(
    clusters.map(() => 0),
    clusters,
    {},
  );
  const second = questionScores(
    clusters.map((_, i) => (i % 2 === 0 ? 1 : 0)),
    clusters,
    {},
  );
  const [text, alone, ...others] = categoryDifferences(first, second, categories);
  assert.deepEqual(others, []);
  assert.equal(text!.category, 'text');
  assert.equal(text!.questions, 29);
  const { mean, low, high } = text!.difference!;
  assert.ok(Math.abs(mean - (100 * 15) / 29) < 1e-9);
  // The standard error of a share of 15 in 29 is 9.3 points.
  assert.ok(Math.abs(mean - low - 1.96 * 9.3) < 3 && Math.abs(high - mean - 1.96 * 9.3) < 3, `${low} to ${high}`);
  assert.deepEqual(alone, { category: 'alone', questions: 1, difference: null });
});

test('equal scores on all questions of a category do not show that the models are equal', () => {
  const names = Array.from({ length: 20 }, (_, i) => `${i}.jpg`);
  const scores = questionScores(
    names.map(() => 1),
    names,
    {},
  );
  const [only] = categoryDifferences(
    scores,
    scores,
    names.map(() => 'text'),
  );
  const { mean, low, high } = only!.difference!;
  assert.equal(mean, 0);
  // Of 20 images, up to 16.8 % may differ: Clopper-Pearson's bound for 20 of 20.
  assert.ok(Math.abs(high - 16.84) < 0.01 && Math.abs(low + 16.84) < 0.01, `${low} to ${high}`);
});
