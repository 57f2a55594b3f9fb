import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import test, { after } from 'node:test';
import type { LoadedBenchmark } from '../../src/benchmarks/benchmark.js';
import { checkImages, surveyImages } from '../../src/evaluation/check-images.js';
import { identityOfModel } from '../../src/evaluation/model-answerer.js';
import { prepareBatch } from '../../src/evaluation/prepare-batch.js';
import { type RunOutcome, runBenchmark } from '../../src/evaluation/run-benchmark.js';
import type { ConvMode } from '../../src/model/conversation.js';
import { exportModel } from '../../src/model/export/export-model.js';
import { startImageThreads } from '../../src/model/images/image-threads.js';
import type { BatchShape } from '../../src/model/inference/batch-memory.js';
import type { Inference } from '../../src/model/inference/inference.js';
import type { Batch } from '../../src/model/inference/protocol.js';
import { openModel } from '../../src/model/model-folder.js';
import { buildPrompt, tokenizePrompt } from '../../src/model/prompt.js';
import { loadTokenizer } from '../../src/model/tokenizer/load-tokenizer.js';
import type { Prediction } from '../../src/results/runs/predictions.js';
import { openRun, type Run } from '../../src/results/runs/run-folder.js';
import { UserError } from '../../src/shared/errors.js';
import { fixture } from '../fixtures.js';
import { identity } from '../results/samples.js';
import { answererWith } from './answerer-with.js';

const folder = await mkdtemp(join(tmpdir(), 'llavahr-loop-'));
const imageThreads = startImageThreads(1);
after(async () => {
  await imageThreads.close();
  await rm(folder, { recursive: true });
});

const output = join(folder, 'model');
await exportModel(fixture('reference', 'hr-mini'), { output, resolutions: [], precision: 'fp32' });
const sources = {
  model: await openModel(output),
  tokenizer: await loadTokenizer(output),
  convMode: 'vicuna_v1' as const,
  imageThreads,
};
const image = await readFile(fixture('reference', 'images', 's4_camera_gray.png'));

/** Six questions about two images; the third one is longer than the others. */
const texts = ['a', 'b', 'the bad one, which is longer than all others', 'c', 'd', 'e'];
const benchmark: LoadedBenchmark = {
  name: 'made-up',
  split: 'test',
  questions: texts.map((text, index) => ({ index, questionId: index, image: index < 4 ? 'one' : 'two', text })),
  images: { read: async () => image, stamp: async () => ({ bytes: 1, mark: '' }), close: async () => {} },
  maxNewTokens: 3,
  files: [],
  protocol: {},
  gold: () => null,
  scoreOne: () => 1,
  score: () => null,
  submission: () => [],
};

test('the conversation template makes the prompts and is part of what identifies answers', async () => {
  const group = { image: 'one', questions: benchmark.questions.slice(0, 1) };
  const convMode = 'mistral_instruct';
  const { rows } = await prepareBatch({ ...sources, convMode, images: benchmark.images }, [group]);
  const prompt = tokenizePrompt(sources.tokenizer, buildPrompt(texts[0]!, { convMode }));
  assert.deepEqual(rows, [{ image: 0, prompts: [prompt] }]);
  const generationOf = (mode: ConvMode) => identityOfModel(sources.model, 'cpu', mode).generation;
  assert.deepEqual(generationOf(convMode), { method: 'greedy', convMode });
  assert.deepEqual(generationOf('vicuna_v1'), { method: 'greedy' });
});

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
      const finite = tokens.map((row) => row.map(() => true));
      return { ...none, tokens, finite, firstLogits: tokens.map((row) => row.map(() => 0)) };
    },
    peakMemoryBytes: () => 0,
    close: async () => {},
  };
}

async function startRun(name: string): Promise<Run> {
  const opened = await openRun(join(folder, name), identity, { argv: [], settings: {} });
  if (opened.state === 'complete') throw new Error('a new run is not complete');
  return opened.run;
}

const stream = () => Object.assign(new PassThrough(), { isTTY: false }) as unknown as NodeJS.WriteStream;

/** Runs the made-up benchmark, or another one, with at most `rows` images at once. */
async function answer(
  run: Run,
  inference: Inference,
  options: { rows: number; asked?: LoadedBenchmark; signal?: AbortSignal; failFast?: boolean },
): Promise<RunOutcome & { shrunkTo: number | null }> {
  const { rows, asked = benchmark, signal = new AbortController().signal, failFast = false } = options;
  const unlimited = Number.POSITIVE_INFINITY;
  const limits = { rows, tokens: unlimited, bytes: unlimited, bytesOf: (shape: BatchShape) => shape.questions };
  const images = checkImages(await surveyImages(asked.questions, asked.images), asked.images);
  const { answerer, shrunkTo } = answererWith({ sources, limits, inference: async () => inference });
  const shared = { benchmark: asked, answerer, images, run };
  const outcome = await runBenchmark({ ...shared, failFast, signal, stream: stream(), onProgress() {} }).finally(() =>
    run.close('interrupted'),
  );
  return { ...outcome, shrunkTo: shrunkTo() };
}

async function linesOf({ folder }: Run): Promise<Prediction[]> {
  const lines = (await readFile(join(folder, 'predictions.jsonl'), 'utf8')).trim().split('\n');
  return lines.map((line) => JSON.parse(line) as Prediction);
}

const BAD = { code: 'inference-failed', message: 'Shapes differ' };

test('a batch the model cannot run is asked question by question, and only the bad one fails', async () => {
  const run = await startRun('bad-question');
  const inference = inferenceFailingWith(new Error(BAD.message));
  const outcome = await answer(run, inference, { rows: 2 });
  assert.deepEqual(outcome, { finished: true, answered: 5, failed: 1, shrunkTo: null });
  assert.deepEqual(inference.batches, [6, 1, 1, 1, 1, 1, 1]);
  const errors = (await linesOf(run)).map((line) => (line.text === null ? line.error : null));
  assert.deepEqual(errors, [null, null, BAD, null, null, null]);
});

test('a question whose logits are not finite fails alone and keeps no text', async () => {
  const run = await startRun('non-finite');
  const sound = inferenceFailingWith(new Error('never'));
  const inference: Inference = {
    ...sound,
    async run(batch) {
      const without = { ...batch, rows: batch.rows.map((row) => ({ ...row, prompts: row.prompts.map(() => [1]) })) };
      const result = await sound.run(without);
      return { ...result, finite: batch.rows.map(({ prompts }) => prompts.map(({ length }) => length < BAD_LENGTH)) };
    },
  };
  const outcome = await answer(run, inference, { rows: 3 });
  assert.deepEqual(outcome, { finished: true, answered: 5, failed: 1, shrunkTo: null });
  const [bad, ...rest] = (await linesOf(run)).toSorted((a, b) => Number(a.text !== null) - Number(b.text !== null));
  assert.equal(bad!.text === null && bad!.error.code, 'non-finite-logits');
  assert.ok(rest.every(({ text }) => text !== null));
});

test('a batch that runs out of memory is halved until it fits, and a question that never fits fails alone', async () => {
  const run = await startRun('short-of-memory');
  const inference = inferenceFailingWith(new Error('std::bad_alloc'));
  const outcome = await answer(run, inference, { rows: 2 });
  assert.deepEqual(outcome, { finished: true, answered: 5, failed: 1, shrunkTo: 0.5 });
  assert.deepEqual(
    inference.batches.toSorted((a, b) => b - a),
    [6, 4, 2, 2, 2, 1, 1],
  );
  const bad = (await linesOf(run))[2]!;
  assert.deepEqual(bad.text === null && bad.error, { code: 'out-of-memory', message: 'std::bad_alloc' });
});

test('a question rejected in a split batch is recorded once, and the run ends', async () => {
  const questions = benchmark.questions.map((question) =>
    question.index === 1 ? { ...question, text: 'Compare <image> please' } : question,
  );
  for (const [name, message, code] of [
    ['rejected', BAD.message, 'inference-failed'],
    ['rejected-short', 'std::bad_alloc', 'out-of-memory'],
  ] as const) {
    const run = await startRun(name);
    const outcome = await answer(run, inferenceFailingWith(new Error(message)), {
      rows: 2,
      asked: { ...benchmark, questions },
    });
    assert.deepEqual({ ...outcome, shrunkTo: null }, { finished: true, answered: 4, failed: 2, shrunkTo: null });
    const failures = (await linesOf(run)).flatMap((line) =>
      line.text === null ? [[line.index, line.error.code]] : [],
    );
    assert.deepEqual(
      failures.toSorted(([a], [b]) => Number(a) - Number(b)),
      [
        [1, 'prompt-invalid'],
        [2, code],
      ],
    );
  }
});

test('fail-fast stops at the first failure and keeps earlier answers', async () => {
  const run = await startRun('fail-fast');
  const one = { ...benchmark, questions: [...benchmark.questions.slice(0, 2), ...benchmark.questions.slice(4)] };
  await answer(run, inferenceFailingWith(new Error('never')), { rows: 1, asked: one });
  const again = await startRun('fail-fast');
  const inference = inferenceFailingWith(new Error(BAD.message));
  await assert.rejects(answer(again, inference, { rows: 1, failFast: true }), {
    name: 'UserError',
    message: /^Question 2 failed \(inference-failed: Shapes differ\)\. Stopped because of --fail-fast\.$/,
  });
  assert.ok((await linesOf(again)).length >= 5, 'answers and the failure are there');
});

test('a model that fails for good ends the run, and earlier answers are kept', async () => {
  const run = await startRun('gone');
  const inference = inferenceFailingWith(new UserError('The inference thread ended unexpectedly.'));
  await assert.rejects(answer(run, inference, { rows: 1 }), /ended unexpectedly/);
});

test('an aborted run stops after the batches in progress and is not marked finished', async () => {
  const run = await startRun('aborted');
  const controller = new AbortController();
  const inference = inferenceFailingWith(new Error('never'));
  const aborting = {
    ...inference,
    run(batch: Batch) {
      controller.abort();
      return inference.run(batch);
    },
  };
  const calm = { ...benchmark, questions: benchmark.questions.filter(({ index }) => index !== 2) };
  const outcome = await answer(run, aborting, { rows: 1, asked: calm, signal: controller.signal });
  assert.equal(outcome.finished, false);
  assert.deepEqual([outcome.answered, inference.batches.length], [3, 1]);
});
