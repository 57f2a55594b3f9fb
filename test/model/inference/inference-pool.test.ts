import assert from 'node:assert/strict';
import test from 'node:test';
import type { Inference } from '../../../src/model/inference/inference.js';
import { openInferencePool } from '../../../src/model/inference/inference-pool.js';
import type { Batch, BatchResult } from '../../../src/model/inference/protocol.js';
import { WorkerEndedError } from '../../../src/model/inference/worker-process.js';

const batch = (maxNewTokens: number): Batch => ({
  pixels: new Uint8Array(),
  rows: [],
  maxNewTokens,
  timePrefill: false,
});

/** A worker controlled by the test: `finish` completes its first batch, `end` crashes it with all of them. */
function worker() {
  const open: { batch: Batch; resolve: (result: BatchResult) => void; reject: (error: Error) => void }[] = [];
  return {
    loadMs: 1,
    /** Numbers of the batches assigned to it. */
    has: () => open.map(({ batch }) => batch.maxNewTokens),
    run: (batch: Batch) =>
      new Promise<BatchResult>((resolve, reject) => {
        open.push({ batch, resolve, reject });
      }),
    async finish() {
      const { batch, resolve } = open.shift()!;
      resolve({ steps: batch.maxNewTokens } as BatchResult);
      await settled();
    },
    async end() {
      for (const { reject } of open.splice(0)) reject(new WorkerEndedError('The worker ended: SIGKILL', 'no'));
      await settled();
    },
    peakMemoryBytes: () => 100,
    close: async () => {},
  } satisfies Inference & Record<string, unknown>;
}

const unexpected = (what: unknown): never => assert.fail(String(what));

const settled = () => new Promise((resolve) => setImmediate(resolve));

test('batches go to the least busy worker, at most two each, the rest as batches finish', async () => {
  const [first, second] = [worker(), worker()];
  const pool = openInferencePool([first, second], unexpected, unexpected);
  const results = [1, 2, 3, 4, 5].map((number) => pool.run(batch(number)));
  assert.deepEqual(
    [first.has(), second.has()],
    [
      [1, 3],
      [2, 4],
    ],
  );
  await second.finish();
  assert.deepEqual(
    [first.has(), second.has()],
    [
      [1, 3],
      [4, 5],
    ],
  );
  for (const each of [first, first, second, second]) await each.finish();
  assert.deepEqual(
    (await Promise.all(results)).map(({ steps }) => steps),
    [1, 2, 3, 4, 5],
  );
  assert.equal(pool.peakMemoryBytes(), 200);
});

test('when a worker crashes, its running batch is rejected, its next one moves on, and it is restarted', async () => {
  const [first, second, third] = [worker(), worker(), worker()];
  const messages: string[] = [];
  const started: number[] = [];
  const pool = openInferencePool(
    [first, second],
    async (index) => {
      started.push(index);
      return third;
    },
    (line) => messages.push(line),
  );
  const results = [1, 2, 3, 4].map((number) => pool.run(batch(number)));
  await Promise.all([first.end(), assert.rejects(results[0]!, WorkerEndedError)]);
  assert.deepEqual([started, messages], [[0], ['The worker ended: SIGKILL. Restarting it.']]);
  assert.deepEqual([second.has(), third.has()], [[2, 4], [3]]);
  for (const each of [second, second, third]) await each.finish();
  assert.deepEqual(
    (await Promise.all(results.slice(1))).map(({ steps }) => steps),
    [2, 3, 4],
  );
});

test('repeatedly crashing workers are given up, and waiting batches are rejected', async () => {
  let current = worker();
  const messages: string[] = [];
  const pool = openInferencePool(
    [current],
    async () => {
      current = worker();
      return current;
    },
    (line) => messages.push(line),
  );
  for (let i = 0; i <= 5; i++) await Promise.all([assert.rejects(pool.run(batch(i)), WorkerEndedError), current.end()]);
  assert.match(messages.at(-1)!, /Giving up on it/);
  await assert.rejects(pool.run(batch(9)), { name: 'UserError', message: /^All worker processes crashed repeatedly/ });
});

test('a failed run rejects only its own batch and leaves the worker running', async () => {
  const failing: Inference = {
    ...worker(),
    run: async () => {
      throw new Error('std::bad_alloc');
    },
  };
  const pool = openInferencePool([failing], unexpected, unexpected);
  for (let i = 0; i < 3; i++) await assert.rejects(pool.run(batch(i)), /bad_alloc/);
});
