import assert from 'node:assert/strict';
import test from 'node:test';
import {
  pairedSpeedRatio,
  speedRatio,
  summarizeTimedRuns,
  type TimedRun,
} from '../../../src/results/reports/timed-runs.js';
import { medianInterval, quantilesOf } from '../../../src/results/statistics/quantiles.js';

const SETTING = { batchSize: 2, promptTokens: 30, newTokens: 5 };
const run = (decodeImageMs: number, visionMs: number, prefillMs: number | null, generateMs: number): TimedRun => ({
  decodeImageMs,
  visionMs,
  prefillMs,
  generateMs,
});

test('stages add up: the first token is image, vision and prefill; the rest is decoded token by token', () => {
  const { stages, throughput } = summarizeTimedRuns([run(10, 40, 50, 90), run(12, 44, 60, 100)], SETTING);
  const mean = (stage: keyof typeof stages): number => stages[stage].mean!;
  assert.equal(mean('decodePerToken'), 10);
  assert.equal(mean('firstToken'), mean('decodeImage') + mean('vision') + mean('prefill'));
  assert.equal(mean('total'), mean('firstToken') + 4 * mean('decodePerToken'));
  assert.equal(throughput.tokensPerSecond, (1000 * 2 * 2 * 5) / (130 + 144));
  assert.equal(throughput.decodeTokensPerSecond, (1000 * 2 * 2 * 4) / 80);
  assert.equal(throughput.imagesPerSecond, (1000 * 4) / 106);
  assert.equal(throughput.questionsPerSecond, (1000 * 4) / 296);
});

test('unmeasured values are null, not zero', () => {
  const { stages, throughput } = summarizeTimedRuns([run(10, 40, null, 90)], SETTING);
  assert.deepEqual(stages.prefill, { n: 0, p50: null, p95: null, p99: null, mean: null });
  assert.equal(stages.firstToken.p50, null);
  assert.equal(throughput.decodeTokensPerSecond, null);
  assert.ok(throughput.tokensPerSecond! > 0);
  const single = summarizeTimedRuns([run(10, 40, 90, 90)], { ...SETTING, newTokens: 1 });
  assert.equal(single.stages.decodePerToken.p50, null, 'one token is the prefill alone');
  assert.equal(single.stages.prefill.p50, 90);
});

test('a decode time below the noise is kept as measured', () => {
  assert.equal(summarizeTimedRuns([run(1, 1, 10, 8)], SETTING).stages.decodePerToken.p50, -0.5);
});

test('quantiles that the repetitions cannot support are refused', () => {
  const of = (n: number) => quantilesOf(Array.from({ length: n }, (_, i) => n - i));
  assert.deepEqual(of(19), { n: 19, p50: 10, p95: null, p99: null, mean: 10 });
  assert.equal(of(20).p95, 19.05);
  assert.equal(of(99).p99, null);
  assert.equal(of(100).p99, 99.01);
});

test('a drift that affects both models cancels out of their ratio', () => {
  const drift = Array.from({ length: 10 }, (_, i) => 1 + i / 3);
  const fast = drift.map((factor) => run(999, 10 * factor, null, 20 * factor));
  const slow = drift.map((factor) => run(0, 30 * factor, null, 75 * factor));
  const { ratio, interval, pairs } = pairedSpeedRatio(fast, slow)!;
  assert.ok(Math.abs(ratio - 3.5) < 1e-12, 'image decoding is not in it');
  assert.equal(pairs, 10);
  assert.ok(Math.abs(interval!.low - 3.5) < 1e-12 && Math.abs(interval!.high - 3.5) < 1e-12);

  const noisy = slow.map((one, i) => ({ ...one, visionMs: one.visionMs + (i % 2) * 20 }));
  const { low, high } = pairedSpeedRatio(fast, noisy)!.interval!;
  assert.ok(low < high && low >= 3.5);
});

test('too few pairs give a ratio without an interval, no pairs give null', () => {
  const few = Array.from({ length: 4 }, () => run(0, 1, null, 1));
  assert.deepEqual(pairedSpeedRatio(few, few), { ratio: 1, interval: null, pairs: 4 });
  assert.equal(pairedSpeedRatio(few, []), null);
});

test("the interval of the median is that of order statistics; the rate's encloses it", () => {
  const values = Array.from({ length: 10 }, (_, i) => 10 - i);
  assert.deepEqual(medianInterval(values), { low: 2, high: 9 });
  assert.deepEqual(medianInterval(values.slice(0, 6)), { low: 5, high: 10 });
  assert.equal(medianInterval(values.slice(0, 5)), null);
  // Tables of binomial confidence limits: 20 values, the 6th and the 15th.
  assert.deepEqual(medianInterval(Array.from({ length: 20 }, (_, i) => i + 1)), { low: 6, high: 15 });

  const runs = values.map((ms) => run(1, 10 + ms, 5, 20));
  const { throughput, intervals } = summarizeTimedRuns(runs, SETTING);
  const { low, high } = intervals.tokensPerSecond!;
  assert.ok(low < throughput.tokensPerSecond! && throughput.tokensPerSecond! < high);
  assert.deepEqual(intervals.firstToken, { low: 18, high: 25 });
  assert.deepEqual(summarizeTimedRuns(runs.slice(0, 4), SETTING).intervals, {
    firstToken: null,
    tokensPerSecond: null,
  });
});

test('measurements made at different times are compared without pairing', () => {
  const times = (factor: number) => Array.from({ length: 10 }, (_, i) => factor * (100 + ((i * 3) % 10)));
  const { ratio, interval } = speedRatio(times(1), times(2));
  assert.ok(Math.abs(ratio - 2) < 1e-12);
  assert.ok(interval!.low < 2 && interval!.high > 2, 'equal drifts do not cancel out');
  assert.equal(speedRatio([1, 2], times(1)).interval, null);
});
