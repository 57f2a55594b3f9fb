import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import test, { after } from 'node:test';
import type { LoadedBenchmark } from '../../src/benchmarks/benchmark.js';
import { pope } from '../../src/benchmarks/pope.js';
import { checkImages, surveyImages } from '../../src/evaluation/check-images.js';
import { runBenchmark } from '../../src/evaluation/run-benchmark.js';
import { SAMPLE_MODEL, sampleData } from '../../src/evaluation/sample.js';
import { exportModel } from '../../src/model/export/export-model.js';
import { startImageThreads } from '../../src/model/images/image-threads.js';
import { startInference } from '../../src/model/inference/inference.js';
import { openModel } from '../../src/model/model-folder.js';
import { loadTokenizer } from '../../src/model/tokenizer/load-tokenizer.js';
import { openRun } from '../../src/results/runs/run-folder.js';
import { identity } from '../results/samples.js';
import { answererWith } from './answerer-with.js';

const folder = await mkdtemp(join(tmpdir(), 'llavahr-packing-'));
after(() => rm(folder, { recursive: true }));

const output = join(folder, 'model');
await exportModel(SAMPLE_MODEL, { output, resolutions: [128], precision: 'fp32' });
const model = await openModel(output, 128);
const tokenizer = await loadTokenizer(output);

/** The bytes of the predictions file of a run with at most `rows` images at once. */
async function predictionsOf(benchmark: LoadedBenchmark, name: string, rows: number, threads: number): Promise<string> {
  const inference = await startInference(model, { provider: 'cpu', index: 0 }, threads);
  const imageThreads = startImageThreads(1);
  const opened = await openRun(join(folder, name), identity, { argv: [], settings: {} });
  assert.ok(opened.state === 'open');
  const unlimited = Number.POSITIVE_INFINITY;
  const limits = { rows, tokens: unlimited, bytes: unlimited, bytesOf: () => 1 };
  const { signal } = new AbortController();
  const stream = Object.assign(new PassThrough(), { isTTY: false }) as unknown as NodeJS.WriteStream;
  const sources = { model, tokenizer, convMode: 'vicuna_v1' as const, imageThreads };
  const images = checkImages(await surveyImages(benchmark.questions, benchmark.images), benchmark.images);
  const { answerer } = answererWith({ sources, limits, inference: async () => inference });
  const shared = { benchmark, answerer, images, run: opened.run };
  await runBenchmark({ ...shared, failFast: true, onProgress: () => {}, signal, stream });
  await opened.run.close('complete');
  await Promise.all([inference.close(), imageThreads.close()]);
  return readFile(join(opened.run.folder, 'predictions.jsonl'), 'utf8');
}

test('questions packed after one image give the same predictions as single questions, byte for byte', async () => {
  const packed = await pope.load(sampleData('pope'), { protocol: 'llava', limit: 60 });
  const alone: LoadedBenchmark = {
    ...packed,
    // An image of its own for every question, of the same bytes.
    questions: packed.questions.map((question) => ({ ...question, image: `${question.index}/${question.image}` })),
    images: {
      read: (name) => packed.images.read(name.slice(name.indexOf('/') + 1)),
      stamp: async () => ({ bytes: 1, mark: '' }),
      close: async () => {},
    },
  };
  const expected = await predictionsOf(packed, 'packed', 4, 2);
  assert.equal(expected.trim().split('\n').length, 60);
  assert.equal(await predictionsOf(alone, 'alone', 7, 1), expected);
  await packed.images.close();
});

test('a model that is short of memory gives the same predictions, byte for byte', async () => {
  const benchmark = await pope.load(sampleData('pope'), { protocol: 'llava', limit: 20 });
  const expected = await predictionsOf(benchmark, 'plenty', 4, 2);
  const { availableMemory } = process;
  process.availableMemory = () => 1e6;
  try {
    assert.equal(await predictionsOf(benchmark, 'short', 4, 2), expected);
  } finally {
    process.availableMemory = availableMemory;
    await benchmark.images.close();
  }
});
