import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import type { BenchmarkDefinition } from '../../src/benchmarks/benchmark.js';
import { type AskedOptions, loadAsked, recordedOptions } from '../../src/benchmarks/question-selection.js';
import { readQuestionIds } from '../../src/benchmarks/read-question-ids.js';
import { askedQuestions } from '../../src/results/runs/asked-questions.js';
import { smallBenchmark } from './small-benchmark.js';

/** Ten questions with the ids q0 to q8; the last two share one. */
const definition: BenchmarkDefinition = {
  ...{ name: 'small', title: '', metric: '', splits: [], options: {} },
  async load(_folder, { limit }) {
    const ids = Array.from({ length: 10 }, (_, i) => `q${Math.min(i, 8)}`).slice(0, limit);
    const benchmark = smallBenchmark(
      'small',
      ids.map((questionId, i) => ({ questionId, text: `text ${i}` })),
    );
    return { ...benchmark, protocol: { limit: limit ?? null } };
  },
};
const load = (options: Partial<AskedOptions>) => loadAsked(definition, '', { protocol: 'llava', ...options });
const texts = async (options: Partial<AskedOptions>) =>
  (await load(options)).questions.map(({ text }) => Number(text.split(' ')[1]));

test('the whole benchmark, or the first questions', async () => {
  assert.equal((await load({})).questions.length, 10);
  assert.deepEqual((await load({})).protocol, { limit: null });
  assert.deepEqual(await texts({ limit: 3 }), [0, 1, 2]);
  assert.deepEqual((await load({ limit: 3 })).protocol, { limit: 3 });
});

test('--offset skips questions, with and without --limit; those asked are numbered from 0', async () => {
  assert.deepEqual(await texts({ offset: 4 }), [4, 5, 6, 7, 8, 9]);
  assert.deepEqual(await texts({ offset: 4, limit: 2 }), [4, 5]);
  assert.deepEqual(await texts({ offset: 8, limit: 5 }), [8, 9]);
  const { questions, protocol } = await load({ offset: 4, limit: 2 });
  assert.deepEqual(
    questions.map(({ index }) => index),
    [0, 1],
  );
  assert.deepEqual(protocol, { offset: 4, limit: 2 });
  await assert.rejects(load({ offset: 10 }), { exitCode: 2, message: /--offset 10 skips all of the 10 questions/ });
});

test('--sample draws the same questions for a seed, in their order and without repetition', async () => {
  const drawn = await texts({ sample: 5, seed: 7 });
  assert.deepEqual(drawn, await texts({ sample: 5, seed: 7 }));
  assert.deepEqual(
    drawn,
    [...new Set(drawn)].sort((a, b) => a - b),
  );
  assert.equal(drawn.length, 5);
  // Recorded: runs of other versions of llavahr must be resumable.
  assert.deepEqual(await texts({ sample: 4 }), [2, 3, 4, 7]);
  assert.deepEqual((await load({ sample: 4 })).protocol, { limit: null, sample: 4, seed: 0 });
  assert.deepEqual((await load({ sample: 10 })).protocol, { limit: null }, 'all of them are the whole benchmark');
});

test('every question is drawn about equally often', async () => {
  const counts = new Array<number>(10).fill(0);
  for (let seed = 0; seed < 500; seed++) for (const row of await texts({ sample: 3, seed })) counts[row]!++;
  for (const count of counts) assert.ok(count > 110 && count < 190, `${counts}`);
});

test('--ids takes every question with an id, in the order of the benchmark', async () => {
  assert.deepEqual(await texts({ ids: ['q8', 'q1', 'q2', 'q2'] }), [1, 2, 8, 9]);
  assert.deepEqual((await load({ ids: ['q8', 'q1', 'q2'] })).protocol, { limit: null, rows: '1-2,8-9' });
  await assert.rejects(load({ ids: ['q1', 'x', 'y'] }), { exitCode: 2, message: /no question with the id "x", "y"\./ });
});

test('what a run recorded selects the same questions again', async () => {
  for (const options of [{}, { limit: 2 }, { offset: 3, limit: 4 }, { sample: 6, seed: 3 }, { ids: ['q0', 'q8'] }]) {
    const { questions, protocol, maxNewTokens } = await load({ ...options, maxNewTokens: 5 });
    const again = await load(recordedOptions(protocol));
    assert.deepEqual(
      { questions: again.questions, protocol: again.protocol, maxNewTokens: again.maxNewTokens },
      { questions, protocol, maxNewTokens },
    );
  }
  assert.deepEqual(await texts({ rows: '8-99999999999,x,3' }), [8, 9, 3], 'rows that do not exist take no memory');
});

test("--max-new-tokens is part of the protocol unless it is the benchmark's own", async () => {
  assert.deepEqual((await load({ maxNewTokens: 5 })).protocol, { limit: null, maxNewTokens: 5 });
  assert.deepEqual((await load({ maxNewTokens: 1 })).protocol, { limit: null });
});

test('reports say which part of the questions was asked', async () => {
  const markOf = async (options: Partial<AskedOptions>) => askedQuestions((await load(options)).protocol);
  assert.equal(await markOf({}), null);
  assert.deepEqual(await markOf({ limit: 3 }), { mark: 'first 3', text: 'the first 3 questions' });
  assert.deepEqual(await markOf({ offset: 3, limit: 2 }), { mark: '4 to 5', text: 'questions 4 to 5' });
  assert.deepEqual(await markOf({ offset: 3 }), { mark: 'from 4', text: 'the questions from number 4 on' });
  assert.deepEqual(await markOf({ sample: 3, seed: 2 }), {
    mark: '3 at random',
    text: '3 questions drawn at random (seed 2)',
  });
  assert.deepEqual(await markOf({ ids: ['q1', 'q8'] }), { mark: '3 by id', text: '3 questions chosen by id' });
});

const folder = await mkdtemp(join(tmpdir(), 'llavahr-ids-'));
after(() => rm(folder, { recursive: true }));

test('ids are read from lines, lists and JSON lines', async () => {
  const read = async (text: string): Promise<string[]> => {
    const path = join(folder, 'ids');
    await writeFile(path, text);
    return readQuestionIds(path);
  };
  assert.deepEqual(await read('\uFEFFa1\r\n\n 12 \n'), ['a1', '12']);
  assert.deepEqual(await read('["a1", 12, {"question_id": 3}]'), ['a1', '12', '3']);
  assert.deepEqual(await read('{"question_id": 7, "text": "x"}\n{"question_id": "b"}\n'), ['7', 'b']);
  await assert.rejects(read('{"id": 7}'), /ids, line 1 is no question id\. It needs an id per line/);
  await assert.rejects(read('[["a"]]'), /ids, element 1 is no question id/);
  await assert.rejects(read('[1'), /is not JSON/);
  await assert.rejects(read('\n'), /has no question ids/);
  await assert.rejects(readQuestionIds(join(folder, 'none')), /none does not exist\. It needs an id per line/);
});
