import assert from 'node:assert/strict';
import test from 'node:test';
import { indexImages, resampleSums } from '../../../src/results/statistics/bootstrap.js';
import { clopperPearson } from '../../../src/results/statistics/clopper-pearson.js';
import { MEAN_PERCENT, percentOf } from '../../../src/results/statistics/formula.js';
import { scoreInterval } from '../../../src/results/statistics/score-interval.js';

test('Clopper-Pearson: values of SciPy 1.17, binomtest(k, n).proportion_ci(method="exact")', () => {
  const expected: readonly [number, number, number, number][] = [
    [2, 2, 0.15811388300839305, 1.0],
    [0, 2, 0.0, 0.841886116991607],
    [1, 2, 0.01257911709367899, 0.987420882906321],
    [5, 5, 0.47817624989501856, 1.0],
    [1, 5, 0.005050763379468115, 0.7164179361180895],
    [48, 48, 0.9260272146527198, 1.0],
    [47, 48, 0.8893038394068478, 0.9994726847465103],
    [24, 48, 0.35225163055334263, 0.6477483694466574],
    [3, 1000, 0.0006190999316499173, 0.008742023238657654],
    [99999, 100000, 0.9999442848396557, 0.9999997468215721],
    [1200, 5000, 0.22821657065538947, 0.2520877086796973],
  ];
  for (const [k, n, low, high] of expected) {
    const interval = clopperPearson(k, n);
    assert.ok(Math.abs(interval.low - low) < 1e-12 && Math.abs(interval.high - high) < 1e-12, `${k} of ${n}`);
  }
});

/** The interval of the mean of scores, one image each or as given. */
function intervalOf(scores: readonly number[], imageOf?: readonly number[]) {
  const images = indexImages(imageOf ?? scores.map((_, i) => i));
  const columns = [Float64Array.from(scores), 1];
  const sums = resampleSums(columns, images, { resamples: 200 });
  return scoreInterval(MEAN_PERCENT, columns, images, { sums, unit: 'percent' })!;
}

test('2 of 2 right is not certainty, and neither is a single question', () => {
  const { low, high, method } = intervalOf([1, 1]);
  assert.deepEqual([high, method], [100, 'clopper-pearson']);
  assert.ok(Math.abs(low - 15.811) < 0.001);
  assert.ok(Math.abs(intervalOf([0]).high - 97.5) < 1e-6);
});

test('answers about one image count once if their correlation is unknown', () => {
  assert.deepEqual(intervalOf([1, 1, 1, 1, 1, 1], [0, 0, 0, 1, 1, 1]), intervalOf([1, 1]));
});

test('many images with many right and wrong answers have a bootstrapped interval', () => {
  assert.equal(intervalOf(Array.from({ length: 60 }, (_, i) => i % 2)).method, 'bootstrap');
  assert.equal(intervalOf(Array.from({ length: 60 }, (_, i) => Number(i > 1))).method, 'clopper-pearson');
});

test('a perfect sum of ratios has an interval that reaches below the maximum', () => {
  const one = percentOf([[0, 1]], [[1, 1]], 'nothing');
  const formula = { terms: [...one.terms, ...one.terms], zeroByZero: 'nothing' as const };
  const columns = [Float64Array.from({ length: 40 }, () => 1), 1];
  const images = indexImages([...Array(40).keys()]);
  const { low, high, method } = scoreInterval(formula, columns, images, {
    sums: resampleSums(columns, images),
    unit: 'points',
  })!;
  assert.deepEqual([high, method], [200, 'clopper-pearson']);
  assert.ok(low > 175 && low < 190);
});

/** Deterministic uniform numbers. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const SAMPLES = 300;
for (const n of [2, 5, 48]) {
  for (const p of [0.005, 0.02, 0.1, 0.5, 0.9, 0.98, 0.995]) {
    test(`coverage in simulation: n = ${n}, p = ${p}`, () => {
      const next = random(1000 * n + 100 * p);
      const known = new Map<number, boolean>(); // the interval depends on the number of right answers alone
      let covered = 0;
      for (let sample = 0; sample < SAMPLES; sample++) {
        const right = Array.from({ length: n }, () => Number(next() < p)).reduce((sum, score) => sum + score, 0);
        if (!known.has(right)) {
          const { low, high } = intervalOf(Array.from({ length: n }, (_, i) => Number(i < right)));
          known.set(right, low <= 100 * p && 100 * p <= high);
        }
        if (known.get(right)) covered++;
      }
      // 95 % less three standard errors of the simulation; the bootstrap, in the middle of 48, is a little narrow.
      assert.ok(covered / SAMPLES > 0.91, `${covered} of ${SAMPLES}`);
    });
  }
}

test('coverage with four correlated questions per image', () => {
  const next = random(7);
  let covered = 0;
  for (let sample = 0; sample < SAMPLES; sample++) {
    const imageOf = Array.from({ length: 160 }, (_, i) => i >> 2);
    const easy = Array.from({ length: 40 }, () => next() < 0.9);
    const scores = imageOf.map((image) => Number(next() < (easy[image] ? 0.99 : 0.6)));
    const { low, high } = intervalOf(scores, imageOf);
    if (low <= 95.1 && 95.1 <= high) covered++;
  }
  assert.ok(covered / SAMPLES > 0.91, `${covered} of ${SAMPLES}`);
});
