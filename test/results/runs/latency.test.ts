import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import {
  type BatchTiming,
  latencyFile,
  openBatchTimings,
  summarizeLatency,
} from '../../../src/results/runs/latency.js';
import { temporaryFolder } from '../samples.js';

/** Two images of 100 tokens, four questions of three tokens each. */
const BATCH: BatchTiming = {
  warmup: false,
  rows: [0, 1, 2, 3],
  images: 2,
  questions: 4,
  visualTokens: 200,
  promptTokens: 260,
  newTokens: 12,
  steps: 3,
  decodeImageMs: 30,
  visionMs: 400,
  generateMs: 1000,
  prefillMs: 600,
};

test('latency metrics equal values worked out by hand', () => {
  const summary = summarizeLatency(
    [
      { ...BATCH, warmup: true, visionMs: 9000, generateMs: 9000 },
      BATCH,
      { ...BATCH, visionMs: 600, generateMs: 3000, prefillMs: null },
      { ...BATCH, images: 1, visualTokens: 100, decodeImageMs: 45, visionMs: 250, generateMs: 2000, prefillMs: 400 },
    ],
    20,
    1e9,
    40,
  );
  assert.deepEqual(summary, {
    schemaVersion: 1,
    batches: 3,
    warmupBatches: 1,
    images: 5,
    questions: 12,
    newTokens: 36,
    visualTokensPerImage: 100,
    questionsPerBatch: 4,
    stages: {
      decodeImageMsPerImage: { n: 3, p50: 15, p95: null, mean: 25 }, // 15, 15, 45
      visionMsPerImage: { n: 3, p50: 250, p95: null, mean: 250 }, // 200, 300, 250
      prefillMsPerQuestion: { n: 2, p50: 125, p95: null, mean: 125 }, // 150, 100
      decodeMsPerToken: { n: 2, p50: 125, p95: null, mean: 125 }, // (1000 - 600) / 8, (2000 - 400) / 8
    },
    firstTokenMs: { n: 2, p50: 825, p95: null, mean: 825 }, // 400 + 600, 250 + 400
    tokensPerSecond: { generate: 36 / 6, model: 36 / (1.25 + 6), endToEnd: 48 / 20 },
    questionsPerSecond: 16 / 20, // the warm-up's questions too: the 20 s contain it
    imagesPerSecond: 7 / 20,
    modelIdle: 1 - (18.6 + 2 + 3.6 + 2.65) / 40, // two devices; a timed prefill is work too
    activeSeconds: 20,
    peakMemoryBytes: 1e9,
  });
});

test('quantiles are of type 7', () => {
  // numpy.quantile(range(1, 22), [0.5, 0.95]) is [11, 20]; of range(1, 21) it is [10.5, 19.05]
  const stage = (n: number) =>
    summarizeLatency(
      Array.from({ length: n }, (_, i) => ({ ...BATCH, images: 1, visionMs: n - i })),
      1,
      0,
    ).stages.visionMsPerImage;
  assert.deepEqual(stage(21), { n: 21, p50: 11, p95: 20, mean: 11 });
  assert.equal(stage(20).p50, 10.5);
  assert.ok(Math.abs(stage(20).p95! - 19.05) < 1e-9);
  assert.deepEqual(stage(1), { n: 1, p50: 1, p95: null, mean: 1 });
});

for (const [name, batches] of [
  ['no batches', []],
  ['warm-up only', [{ ...BATCH, warmup: true }]],
  ['questions without images, one token each', [{ ...BATCH, images: 0, visualTokens: 0, newTokens: 4, visionMs: 0 }]],
] as const) {
  test(`null, not NaN, if nothing was measured: ${name}`, async (t) => {
    const folder = await temporaryFolder(t);
    const summary = summarizeLatency(batches, 0, 0);
    await latencyFile.write(folder, summary); // refuses NaN
    assert.deepEqual(await latencyFile.read(folder), summary);
    assert.equal(summary.visualTokensPerImage, null);
    assert.equal(summary.stages.decodeMsPerToken.p50, null);
    assert.equal(summary.questionsPerSecond, null);
  });
}

test('batches add up over sessions', async (t) => {
  const path = join(await temporaryFolder(t), 'batches.jsonl');
  for (let session = 1; session <= 2; session++) {
    const file = await openBatchTimings(path);
    assert.equal(file.batches.length, 2 * (session - 1));
    await file.append([{ ...BATCH, warmup: true }]);
    await file.append([BATCH]);
    assert.equal(file.batches.length, 2 * session);
    await file.close();
  }
});
