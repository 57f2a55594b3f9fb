import assert from 'node:assert/strict';
import test from 'node:test';
import { decimalsFor, pValueText, scoreText, signedText } from '../../../src/results/statistics/digits.js';
import { runResult } from '../samples.js';

test('a number has no more decimals than its interval supports', () => {
  const cases = [
    [230, 0],
    [12.4, 0],
    [10, 0],
    [9.99, 1],
    [6.2, 1],
    [1, 1],
    [0.35, 2],
    [0.031, 3],
    [0.0001, 3],
  ] as const;
  for (const [halfWidth, decimals] of cases) assert.equal(decimalsFor(halfWidth), decimals, String(halfWidth));
});

test('a score and its interval have the same decimals', () => {
  const { metrics } = runResult({}, { accuracy: 67.123, points: 1510.25 });
  metrics.intervals = { accuracy: { low: 60.91, high: 73.31 } };
  assert.deepEqual(scoreText(metrics, 'accuracy'), { text: '67.1', interval: '[60.9, 73.3]' });
  metrics.intervals = { accuracy: { low: 67.02, high: 67.24 } };
  assert.deepEqual(scoreText(metrics, 'accuracy'), { text: '67.12', interval: '[67.02, 67.24]' });
  metrics.points = ['points'];
  assert.deepEqual(scoreText(metrics, 'points'), { text: '1510.3', interval: null });
});

test('without an interval, or with one of no width, the number of questions decides', () => {
  const { metrics } = runResult({}, { accuracy: 100 });
  metrics.n = 50; // 13.9 points
  assert.equal(scoreText(metrics, 'accuracy').text, '100');
  metrics.intervals = { accuracy: { low: 100, high: 100 } };
  assert.deepEqual(scoreText(metrics, 'accuracy'), { text: '100', interval: '[100, 100]' });
  metrics.n = 5000; // 1.4 points
  assert.equal(scoreText(metrics, 'accuracy').text, '100.0');
});

test('signs and p-values', () => {
  assert.deepEqual(
    [signedText(1.26, 1), signedText(-1.26, 1), signedText(0.01, 1), signedText(-0.01, 1)],
    ['+1.3', '-1.3', '0.0', '0.0'],
  );
  assert.deepEqual([pValueText(0.0009), pValueText(0.0321), pValueText(null)], ['<0.001', '0.032', '-']);
  assert.deepEqual([0.0494, 0.0499, 0.05, 0.0504].map(pValueText), ['0.049', '<0.050', '0.050', '0.050']);
});
