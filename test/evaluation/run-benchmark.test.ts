import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import test, { after } from 'node:test';
import type { LoadedBenchmark } from '../../src/benchmarks/benchmark.js';
import { UserError } from '../../src/errors.js';
import { runBenchmark } from '../../src/evaluation/run-benchmark.js';
import { exportModel } from '../../src/model/export/export-model.js';
import type { Batch, Inference } from '../../src/model/inference/inference.js';
import { openModel } from '../../src/model/model-folder.js';
import { buildPrompt, tokenizePrompt } from '../../src/model/prompt.js';
import { loadTokenizer } from '../../src/model/tokenizer/load-tokenizer.js';
import { openRun, type Run } from '../../src/results/run-folder.js';
import { fixture } from '../fixtures.js';
import { identity } from '../results/samples.js';

const folder = await mkdtemp(join(tmpdir(), 'llavahr-loop-'));
after(() => rm(folder, { recursive: true }));

const output = join(folder, 'model');
await exportModel(fixture('reference', 'hr-mini'), { output, resolutions: [], precision: 'fp32' });
const sources = { model: await openModel(output), tokenizer: await loadTokenizer(output) };
const image = await readFile(fixture('reference', 'images', 's4_camera_gray.png'));

/** Six questions about two images; the third one is longer than the others. */
const texts = ['a', 'b', 'the bad one, which is longer than all others', 'c', 'd', 'e'];
const benchmark: LoadedBenchmark = {
  name: 'made-up',
  split: 'test',
  questions: texts.map((text, index) => ({ index, questionId: index, image: index < 4 ? 'one' : 'two', text })),
  images: { read: async () => image, close: async () => {} },
  maxNewTokens: 3,
  files: [],
  protocol: {},
  gold: () => null,
  scoreOne: () => 1,
  score: () => null,
  submission: () => [],
};

const BAD_LENGTH = tokenizePrompt(sources.tokenizer, buildPrompt(texts[2]!)).length;

/** A model that answers token 300 to everything, and fails whenever the long prompt is in the batch. */
function inferenceFailingWith(error: Error): Inference & { batches: number[] } {
  const batches: number[] = [];
  return {
    loadMs: 0,
    batches,
    async run({ rows }: Batch) {
      const prompts = rows.flatMap((row) => row.prompts);
      batches.push(prompts.length);
      const longest = Math.max(...prompts.map(({ length }) => length));
      if (longest >= BAD_LENGTH) throw error;
      const tokens = rows.map((row) => row.prompts.map(() => [300]));
      const none = {
        visual: new Float32Array(),
        steps: 2,
        promptTokens: 1,
        visionMs: 1,
        generateMs: 1,
        prefillMs: null,
      };
      return { ...none, tokens, firstLogits: tokens.map((row) => row.map(() => 0)) };
    },
    close: async () => {},
  };
}

async function startRun(name: string): Promise<Run> {
  const opened = await openRun(join(folder, name), identity, { argv: [], settings: {} });
  if (opened.state === 'complete') throw new Error('a new run is not complete');
  return opened.run;
}

const stream = () => Object.assign(new PassThrough(), { isTTY: false }) as unknown as NodeJS.WriteStream;

test('a batch the model cannot run is asked question by question, and only the bad one fails', async () => {
  const run = await startRun('bad-question');
  const inference = inferenceFailingWith(new Error('Failed to allocate memory'));
  const options = { benchmark, sources, inference: async () => inference, run, batchSize: 2, stream: stream() };
  const outcome = await runBenchmark({ ...options, signal: new AbortController().signal });
  await run.close('interrupted');
  assert.deepEqual(outcome, { finished: true, answered: 5, failed: 1 });
  assert.deepEqual(inference.batches, [6, 1, 1, 1, 1, 1, 1]);
  const lines = (await readFile(join(run.folder, 'predictions.jsonl'), 'utf8')).trim().split('\n');
  const errors = lines.map((line) => JSON.parse(line).error ?? null);
  assert.deepEqual(errors, [
    null,
    null,
    { code: 'inference-failed', message: 'Failed to allocate memory' },
    null,
    null,
    null,
  ]);
});

test('a model that is gone ends the run; what was answered stays', async () => {
  const run = await startRun('gone');
  const inference = inferenceFailingWith(new UserError('The inference thread ended unexpectedly.'));
  const options = { benchmark, sources, inference: async () => inference, run, batchSize: 1, stream: stream() };
  const running = runBenchmark({ ...options, signal: new AbortController().signal });
  await assert.rejects(running, /ended unexpectedly/);
  await run.close('interrupted');
  assert.equal(inference.batches.length, 1);
});

test('an aborted run stops after its batch and is not finished', async () => {
  const run = await startRun('aborted');
  const inference = inferenceFailingWith(new Error('never'));
  const calm = { ...benchmark, questions: benchmark.questions.filter(({ index }) => index !== 2) };
  const options = { benchmark: calm, sources, inference: async () => inference, run, batchSize: 1, stream: stream() };
  const outcome = await runBenchmark({ ...options, signal: AbortSignal.abort() });
  await run.close('interrupted');
  assert.deepEqual(outcome, { finished: false, answered: 3, failed: 0 });
});
