import assert from 'node:assert/strict';
import test from 'node:test';
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { bootstrapInterval, pairedBootstrap } from '../../src/results/bootstrap.js';

/** Questions of right or wrong answers; those of one image are right with the same chance, 0.2 or 0.8. True mean: 0.5. */
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

test('95 % intervals contain the true mean about 95 times in 100, if images are the unit', () => {
  const random = generator(7);
  const repetitions = 400;
  let covered = 0;
  let coveredByQuestion = 0;
  for (let seed = 0; seed < repetitions; seed++) {
    const { scores, clusters } = simulate(random, 80);
    const contains = (estimate: { low: number; high: number } | null) => estimate!.low <= 0.5 && 0.5 <= estimate!.high;
    if (contains(bootstrapInterval(scores, clusters, { seed, resamples: 400 }))) covered++;
    if (
      contains(
        bootstrapInterval(
          scores,
          scores.map(() => null),
          { seed, resamples: 400 },
        ),
      )
    )
      coveredByQuestion++;
  }
  // A binomial of 400 at 0.95 has a standard deviation of 1.1 %.
  assert.ok(covered / repetitions > 0.91 && covered / repetitions < 0.98, `by image: ${covered / repetitions}`);
  assert.ok(coveredByQuestion / repetitions < 0.85, `by question: ${coveredByQuestion / repetitions}`);
});

test('the interval of a difference contains the true difference, and pairing makes it narrow', () => {
  const random = generator(8);
  const repetitions = 200;
  let covered = 0;
  let width = 0;
  let unpairedWidth = 0;
  for (let seed = 0; seed < repetitions; seed++) {
    const { scores, clusters } = simulate(random, 80);
    const better = scores.map((score) => (score === 0 && random() < 0.1 ? 1 : score)); // + 0.05 in the mean
    const paired = pairedBootstrap(scores, better, clusters, { seed, resamples: 400 })!;
    if (paired.low <= 0.05 && 0.05 <= paired.high) covered++;
    width += paired.high - paired.low;
    const single = bootstrapInterval(better, clusters, { seed, resamples: 400 })!;
    unpairedWidth += Math.SQRT2 * (single.high - single.low);
  }
  assert.ok(covered / repetitions > 0.89 && covered / repetitions < 0.99, `${covered / repetitions}`);
  assert.ok(width < unpairedWidth / 3, `${width / repetitions} against ${unpairedWidth / repetitions}`);
});

test('the same seed gives the same interval, another seed nearly the same', () => {
  const { scores, clusters } = simulate(generator(9), 100);
  const first = bootstrapInterval(scores, clusters, { seed: 1 })!;
  assert.deepEqual(bootstrapInterval(scores, clusters, { seed: 1 }), first);
  const second = bootstrapInterval(scores, clusters, { seed: 2 })!;
  assert.notDeepEqual(second, first);
  assert.ok(Math.abs(second.low - first.low) < 0.02 && Math.abs(second.high - first.high) < 0.02);
});

test('the mean is that of the questions, large images weigh more', () => {
  const estimate = bootstrapInterval([1, 1, 1, 0], ['a', 'a', 'a', 'b'], { seed: 1 })!;
  assert.deepEqual(estimate, { mean: 0.75, low: 0, high: 1 });
});

test('equal models have no difference', () => {
  const { scores, clusters } = simulate(generator(10), 20);
  assert.deepEqual(pairedBootstrap(scores, scores, clusters, { seed: 1 }), { mean: 0, low: 0, high: 0 });
});

test('no interval from fewer than two images', () => {
  assert.equal(bootstrapInterval([], [], { seed: 1 }), null);
  assert.equal(bootstrapInterval([1, 0, 1], ['a', 'a', 'a'], { seed: 1 }), null);
  assert.notEqual(bootstrapInterval([1, 0, 1], [null, null, null], { seed: 1 }), null);
});

test('scores that do not belong together are refused', () => {
  assert.throws(() => bootstrapInterval([1, 0], ['a'], { seed: 1 }), /2 scores, but 1 clusters/);
  assert.throws(() => pairedBootstrap([1], [1, 0], ['a', 'b'], { seed: 1 }), /cannot be paired/);
});
