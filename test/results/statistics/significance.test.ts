import assert from 'node:assert/strict';
import test from 'node:test';
import { detectableDifference, holmAdjusted, mcnemarMidP } from '../../../src/results/statistics/significance.js';

const near = (actual: number, expected: number, tolerance: number) =>
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} for ${expected}`);

test("McNemar's mid-p of the textbook example: airway responsiveness before and after transplantation, 1 and 7", () => {
  // Fagerland et al. 2013, table 1 and its analysis: exact 0.0703, mid-p 0.0391.
  near(mcnemarMidP(1, 7), 0.0391, 5e-5);
  near(mcnemarMidP(1, 7), 2 * ((1 + 8) / 256) - 8 / 256, 1e-15);
});

test('mid-p is the binomial sum, worked out term by term', () => {
  const choose = (n: number, k: number): number => (k === 0 ? 1 : (choose(n, k - 1) * (n - k + 1)) / k);
  for (const [a, b] of [
    [0, 1],
    [0, 5],
    [3, 10],
    [12, 20],
    [25, 40],
  ] as const) {
    const n = a + b;
    let below = 0;
    for (let k = 0; k < a; k++) below += choose(n, k);
    near(mcnemarMidP(a, b), (2 * below + choose(n, a)) / 2 ** n, 1e-12);
    assert.equal(mcnemarMidP(a, b), mcnemarMidP(b, a));
  }
});

test('no disagreement, or an even split, is no evidence', () => {
  assert.equal(mcnemarMidP(0, 0), 1);
  assert.equal(mcnemarMidP(30, 30), 1);
});

test('with many questions mid-p approaches the normal approximation', () => {
  // 10,000 discordant questions, z = 2 and z = 3: two-sided 0.0455 and 0.0027
  near(mcnemarMidP(4900, 5100), 0.0455, 2e-4);
  near(mcnemarMidP(4850, 5150), 0.0027, 5e-5);
  assert.ok(mcnemarMidP(40_000, 60_000) >= 0 && mcnemarMidP(40_000, 60_000) < 1e-300);
});

test("Holm's correction, by hand", () => {
  const rounded = holmAdjusted([0.01, 0.04, 0.03, 0.005]).map((p) => Number(p!.toFixed(6)));
  assert.deepEqual(rounded, [0.03, 0.06, 0.06, 0.02]);
  assert.deepEqual(holmAdjusted([0.8, 0.6]), [1, 1]);
  assert.deepEqual(holmAdjusted([0.02]), [0.02]);
  assert.deepEqual(holmAdjusted([null, 0.01, null, 0.02]), [null, 0.02, null, 0.02]);
  assert.deepEqual(holmAdjusted([]), []);
});

test('the detectable difference: 2.8 standard errors', () => {
  near(detectableDifference(1), 2.801585, 1e-6);
});
