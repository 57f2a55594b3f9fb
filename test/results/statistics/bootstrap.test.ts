import assert from 'node:assert/strict';
import test from 'node:test';
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import {
  bootstrapPValue,
  type Interval,
  indexImages,
  percentileInterval,
  resampledScores,
  resampleSums,
  standardError,
} from '../../../src/results/statistics/bootstrap.js';
import { evaluateFormula, type Formula, MEAN_PERCENT, percentOf } from '../../../src/results/statistics/formula.js';

/** Questions of right or wrong answers; those of one image are right with the same chance, 0.2 or 0.8. True mean: 50 %. */
function simulate(random: () => number, images: number): { scores: number[]; clusters: string[] } {
  const scores: number[] = [];
  const clusters: string[] = [];
  for (let image = 0; image < images; image++) {
    const chance = random() < 0.5 ? 0.2 : 0.8;
    const questions = 1 + Math.floor(random() * 12);
    for (let i = 0; i < questions; i++) {
      scores.push(random() < chance ? 1 : 0);
      clusters.push(`image ${image}`);
    }
  }
  return { scores, clusters };
}

function generator(seed: number): () => number {
  const state = xoroshiro128plus(seed);
  return () => uniformFloat64(state);
}

type Names = readonly (string | null)[];

function resample(scores: readonly number[], names: Names, seed: number, resamples = 400): Float64Array | null {
  const sums = resampleSums([Float64Array.from(scores), 1], indexImages(names), { seed, resamples });
  return sums && resampledScores(sums, (row) => evaluateFormula(MEAN_PERCENT, row));
}

function interval(scores: readonly number[], names: Names, seed: number, resamples = 400): Interval {
  return percentileInterval(resample(scores, names, seed, resamples)!)!;
}

function difference(a: readonly number[], b: readonly number[], names: Names, seed: number): Float64Array {
  const [first, second] = [resample(a, names, seed)!, resample(b, names, seed)!];
  return second.map((score, i) => score - first[i]!);
}

const contains = ({ low, high }: Interval, value: number) => low <= value && value <= high;

test('95 % intervals contain the true mean about 95 times in 100, if images are the unit', () => {
  const random = generator(7);
  const repetitions = 400;
  let covered = 0;
  let coveredByQuestion = 0;
  for (let seed = 0; seed < repetitions; seed++) {
    const { scores, clusters } = simulate(random, 80);
    if (contains(interval(scores, clusters, seed), 50)) covered++;
    const alone = scores.map(() => null);
    if (contains(interval(scores, alone, seed), 50)) coveredByQuestion++;
  }
  // A binomial of 400 at 0.95 has a standard deviation of 1.1 %.
  assert.ok(covered / repetitions > 0.91 && covered / repetitions < 0.98, `by image: ${covered / repetitions}`);
  assert.ok(coveredByQuestion / repetitions < 0.85, `by question: ${coveredByQuestion / repetitions}`);
});

test('intervals of F1 contain the true F1 about 95 times in 100', () => {
  const random = generator(17);
  const f1 = percentOf(
    [[0, 2]],
    [
      [0, 2],
      [1, 1],
      [2, 1],
    ],
    'zero',
  );
  const chances = { tp: 0.4, fp: 0.1, fn: 0.1 }; // true F1: 0.8
  const repetitions = 300;
  let covered = 0;
  for (let seed = 0; seed < repetitions; seed++) {
    const columns = [0, 1, 2].map(() => new Float64Array(200));
    for (let i = 0; i < 200; i++) {
      const dice = random();
      if (dice < chances.tp) columns[0]![i] = 1;
      else if (dice < chances.tp + chances.fp) columns[1]![i] = 1;
      else if (dice < chances.tp + chances.fp + chances.fn) columns[2]![i] = 1;
    }
    const images = indexImages(Array.from({ length: 200 }, () => null));
    const sums = resampleSums(columns, images, { seed, resamples: 400 })!;
    if (contains(percentileInterval(resampledScores(sums, (row) => evaluateFormula(f1, row)))!, 80)) covered++;
  }
  assert.ok(covered / repetitions > 0.9 && covered / repetitions < 0.985, `${covered / repetitions}`);
});

test('the interval of a difference contains the true difference, and pairing makes it narrow', () => {
  const random = generator(8);
  const repetitions = 200;
  let covered = 0;
  let width = 0;
  let unpairedWidth = 0;
  for (let seed = 0; seed < repetitions; seed++) {
    const { scores, clusters } = simulate(random, 80);
    const better = scores.map((score) => (score === 0 && random() < 0.1 ? 1 : score)); // + 5 points in the mean
    const paired = percentileInterval(difference(scores, better, clusters, seed))!;
    if (contains(paired, 5)) covered++;
    width += paired.high - paired.low;
    const single = interval(better, clusters, seed);
    unpairedWidth += Math.SQRT2 * (single.high - single.low);
  }
  assert.ok(covered / repetitions > 0.89 && covered / repetitions < 0.99, `${covered / repetitions}`);
  assert.ok(width < unpairedWidth / 3, `${width / repetitions} against ${unpairedWidth / repetitions}`);
});

test('without a difference p is below 0.05 about 5 times in 100', () => {
  const random = generator(11);
  const repetitions = 400;
  let rejected = 0;
  for (let seed = 0; seed < repetitions; seed++) {
    const { scores, clusters } = simulate(random, 80);
    // Each model flips one in ten of the answers for itself.
    const [a, b] = [0, 1].map(() => scores.map((score) => (random() < 0.1 ? 1 - score : score)));
    if (bootstrapPValue(difference(a!, b!, clusters, seed))! < 0.05) rejected++;
  }
  assert.ok(rejected / repetitions > 0.02 && rejected / repetitions < 0.085, `${rejected / repetitions}`);
});

test('p counts the resamples on the far side of no difference, twice', () => {
  const differences = (negative: number, positive: number) =>
    Float64Array.from([...Array(negative).fill(-1), ...Array(positive).fill(1)]);
  assert.equal(bootstrapPValue(differences(0, 1999)), 2 / 2000);
  assert.equal(bootstrapPValue(differences(49, 1950)), (2 * 50) / 2000);
  assert.equal(bootstrapPValue(differences(1950, 49)), (2 * 50) / 2000);
  assert.equal(bootstrapPValue(Float64Array.of(0, 0, 0)), 1);
  assert.equal(bootstrapPValue(Float64Array.of(Number.NaN)), null);
});

test('the standard error is that of the mean: sqrt(p (1 - p) / n)', () => {
  const scores = Array.from({ length: 1000 }, (_, i) => (i % 10 < 3 ? 1 : 0));
  const drawn = resample(
    scores,
    scores.map(() => null),
    3,
    2000,
  )!;
  const expected = 100 * Math.sqrt((0.3 * 0.7) / 1000);
  assert.ok(Math.abs(standardError(drawn) / expected - 1) < 0.06, `${standardError(drawn)} for ${expected}`);
});

test('each image is drawn as often as any other', () => {
  const images = indexImages(['a', 'b', 'c', 'd', 'e']);
  const columns = [0, 1, 2, 3, 4].map((image) => Float64Array.from({ length: 5 }, (_, i) => (i === image ? 1 : 0)));
  const sums = resampleSums(columns, images, { seed: 5, resamples: 20_000 })!;
  for (const drawn of sums) {
    const mean = drawn.reduce((a, b) => a + b) / drawn.length;
    assert.ok(Math.abs(mean - 1) < 0.025, String(mean)); // four standard errors
    const variance = drawn.reduce((a, b) => a + (b - mean) ** 2, 0) / drawn.length;
    assert.ok(Math.abs(variance - 0.8) < 0.04, String(variance));
  }
});

test('the same seed gives the same interval, another seed nearly the same', () => {
  const { scores, clusters } = simulate(generator(9), 100);
  const first = interval(scores, clusters, 1, 2000);
  assert.deepEqual(interval(scores, clusters, 1, 2000), first);
  const second = interval(scores, clusters, 2, 2000);
  assert.notDeepEqual(second, first);
  assert.ok(Math.abs(second.low - first.low) < 2 && Math.abs(second.high - first.high) < 2);
});

test('the sums of a seed stay as they were, so that intervals do not change between versions', () => {
  const images = indexImages(['a', 'b', 'a', 'c', null, 'd', 'e']);
  const columns = [Float64Array.of(0.3, 0.6, 0.9, 1, 0, 0.3, 1), 1, Float64Array.of(0, 0, 0, 1, 0, 0, 0)];
  const recorded = [
    [3.8, 3.5, 5.8, 5, 4.5, 4.1],
    [6, 7, 7, 8, 6, 7],
    [0, 1, 2, 1, 1, 0],
  ];
  for (const resamples of [6, 5, 1]) {
    const sums = resampleSums(columns, images, { resamples })!;
    assert.deepEqual(
      sums.map((column) => [...column]),
      recorded.map((column) => column.slice(0, resamples)),
    );
  }
});

test('large images weigh more', () => {
  const drawn = resample([1, 1, 1, 0], ['a', 'a', 'a', 'b'], 1)!;
  assert.deepEqual([...new Set(drawn)].sort(), [0, 100, 75]);
});

test('equal models have no difference', () => {
  const { scores, clusters } = simulate(generator(10), 20);
  assert.deepEqual(percentileInterval(difference(scores, scores, clusters, 1)), { low: 0, high: 0 });
});

test('resamples without a score are left out', () => {
  assert.deepEqual(percentileInterval(Float64Array.of(Number.NaN, 3, Number.NaN, 3)), { low: 3, high: 3 });
  assert.equal(percentileInterval(Float64Array.of(Number.NaN)), null);
});

test('fewer than two images are not resampled', () => {
  assert.equal(resample([], [], 1), null);
  assert.equal(resample([1, 0, 1], ['a', 'a', 'a'], 1), null);
  assert.notEqual(resample([1, 0, 1], [null, null, null], 1), null);
});

test('counts that do not belong to the questions are refused', () => {
  assert.throws(() => resample([1, 0], ['a', 'b', 'c'], 1), /2 counts for 3 questions/);
});

test('formulas: 0 / 0 is null or 0, ratios multiply, terms add', () => {
  const product: Formula = {
    terms: [
      {
        factor: 10,
        ratios: [
          { numerator: [[0, 1]], denominator: [[1, 1]] },
          { numerator: [[1, 3]], denominator: [[2, 1]] },
        ],
      },
      { factor: 1, ratios: [{ numerator: [[2, 1]], denominator: [[2, 1]] }] },
    ],
    zeroByZero: 'nothing',
  };
  assert.equal(evaluateFormula(product, [1, 2, 4]), 10 * 0.5 * 1.5 + 1);
  assert.ok(Number.isNaN(evaluateFormula(product, [0, 0, 4])));
  assert.equal(evaluateFormula({ ...product, zeroByZero: 'zero' }, [0, 0, 4]), 1);
});
