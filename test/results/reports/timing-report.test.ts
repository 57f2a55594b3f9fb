import assert from 'node:assert/strict';
import test from 'node:test';
import { summarizeTimedRuns, type TimedRun } from '../../../src/results/reports/timed-runs.js';
import { type TimingReport, type TimingRow, timingTables } from '../../../src/results/reports/timing-report.js';
import { HOSTILE } from './report-samples.js';

const RUN: TimedRun = { decodeImageMs: 20, visionMs: 40, prefillMs: 60, generateMs: 120 };

function row(changes: {
  name?: string;
  resolution?: number;
  precision?: string;
  batchSize?: number;
  ratio?: number;
  published?: number;
}): TimingRow {
  const { name = 'llava-hr-7b', resolution = 1024, precision = 'fp16', batchSize = 1, ratio, published } = changes;
  const setting = { batchSize, promptTokens: 49, newTokens: 10 };
  return {
    model: { name, resolution, visualTokens: 1024, precision, randomWeights: false },
    setting,
    summary: summarizeTimedRuns([RUN], setting),
    peakMemoryBytes: 2 ** 30,
    peakDeviceMemoryBytes: null,
    publishedTokensPerSecond: null,
    firstModelSpeed:
      ratio === undefined ? null : { ratio, interval: { low: ratio - 0.1, high: ratio + 0.1 }, pairs: 5 },
    publishedFirstModelSpeed: published ?? null,
    runs: [RUN],
  };
}

function tables(rows: TimingRow[], changes: Partial<TimingReport> = {}): string {
  return timingTables({
    schemaVersion: 1,
    protocol: null,
    host: { cpu: 'EPYC', cores: 2, memoryBytes: 2 ** 34, platform: 'linux-x64', release: '6.1', gpus: [] },
    software: { llavahr: '0.1.0', node: '20.9.0', onnxruntime: '1.30.0' },
    device: 'cpu',
    threads: 0,
    warmup: 0,
    repetitions: 1,
    interrupted: false,
    together: true,
    rows,
    ...changes,
  } as TimingReport);
}

test('values that all rows share are in the header, those that differ are columns', () => {
  const same = tables([row({}), row({ name: 'llava-1.5-7b', resolution: 336, ratio: 0.5 })]);
  assert.match(same, /^fp16, batch size 1, 49 text tokens per prompt$/m);
  assert.doesNotMatch(same, /^.*\b(precision|batch|prompt)\b.*\b(tokens\/s|vision)\b/m);

  const differing = tables([row({}), row({ precision: 'int8', batchSize: 4, ratio: 2 })]);
  assert.match(differing, /^49 text tokens per prompt$/m);
  assert.match(differing, /^llava-hr-7b +1024 +1024 +fp16 +1 +p50 +20\.0 +40\.0 +60\.0 +6\.67 +120 +180$/m);
  assert.match(differing, /^llava-hr-7b +1024 +int8 \(quantised\) +4 +250\.0 /m);
});

test('a sentence states the speed ratio of the models, the setting, and the published ratio', () => {
  const page = tables([
    row({}),
    row({ name: 'llava-1.5-7b', resolution: 1022, ratio: 3.25, published: 3 }),
    row({ batchSize: 4 }),
    row({ batchSize: 4, name: 'llava-1.5-7b', resolution: 1022, ratio: 2.5 }),
  ]);
  const beside = 'llava-hr-7b at 1024 px is';
  assert.ok(
    page.includes(
      `\nbatch size 1: ${beside} 3.25x [3.15, 3.35] as fast as llava-1.5-7b at 1022 px (published: 3.00x)\n` +
        `batch size 4: ${beside} 2.50x [2.40, 2.60] as fast as llava-1.5-7b at 1022 px\n`,
    ),
    page,
  );
  assert.doesNotMatch(tables([row({})]), /as fast/);
});

test('names of checkpoints cannot rewrite the terminal', () => {
  assert.ok(!tables([row({}), row({ name: `${HOSTILE}\u001b[2J`, ratio: 1 })]).includes('\u001b'));
});
