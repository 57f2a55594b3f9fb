import assert from 'node:assert/strict';
import test from 'node:test';
import { randomOf } from '../../../fuzz/random.js';
import { detectableByQuestions, questionsToDetect } from '../../../src/results/statistics/power.js';
import { mcnemarMidP } from '../../../src/results/statistics/significance.js';

test('the number of questions equals values computed by hand', () => {
  // ((1.959964 * sqrt(0.1) + 0.841621 * sqrt(0.1 - 0.0004)) / 0.02) ** 2
  assert.equal(Math.ceil(questionsToDetect(0.02, 0.1)), 1960);
  // All disagreements in one direction.
  assert.equal(Math.ceil(questionsToDetect(0.1, 0.1)), 77);
});

test('the detectable difference is the inverse', () => {
  for (const disagreement of [0.05, 0.1, 0.2, 0.6]) {
    const difference = detectableByQuestions(5000, disagreement)!;
    assert.ok(Math.abs(questionsToDetect(difference, disagreement) - 5000) < 0.01);
  }
  assert.equal(detectableByQuestions(20, 0.1), null);
});

test("McNemar's test finds the detectable difference in about 80 % of simulated pairs of runs", () => {
  const random = randomOf(7, 0);
  for (const [questions, disagreement] of [
    [2000, 0.2],
    [9000, 0.05],
  ] as const) {
    const difference = detectableByQuestions(questions, disagreement)!;
    const onlyFirst = (disagreement - difference) / 2;
    const trials = 600;
    let found = 0;
    for (let trial = 0; trial < trials; trial++) {
      const only = [0, 0];
      for (let i = 0; i < questions; i++) {
        const drawn = random.below(1_000_000) / 1_000_000;
        if (drawn < onlyFirst) only[0]!++;
        else if (drawn < disagreement) only[1]!++;
      }
      if (mcnemarMidP(only[0]!, only[1]!) < 0.05) found++;
    }
    assert.ok(Math.abs(found / trials - 0.8) < 0.06, `${found} of ${trials}`); // 3.6 standard deviations
  }
});
