import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import type { LoadedBenchmark } from '../../src/benchmarks/benchmark.js';
import { restrictToRows } from '../../src/benchmarks/shared/restrict-to-rows.js';
import { scorePredictions } from '../../src/evaluation/score-predictions.js';
import { smallBenchmark } from '../benchmarks/small-benchmark.js';

const folder = await mkdtemp(join(tmpdir(), 'llavahr-score-'));
after(() => rm(folder, { recursive: true }));

const BENCHMARK = smallBenchmark(
  'gqa',
  ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((questionId) => ({ questionId, image: `${questionId}.jpg` })),
);

async function predictions(answers: Record<string, string | null>): Promise<string> {
  const path = join(folder, `${Object.keys(answers).join('')}.jsonl`);
  const lines = Object.entries(answers).map(([question_id, text], index) =>
    JSON.stringify({ index, question_id, prompt: '', text }),
  );
  await writeFile(path, lines.join('\n'));
  return path;
}

const ALL = { a: 'yes', b: 'no', c: 'yes', d: 'yes', e: 'no', f: null, g: 'yes' };
const PART = { b: 'no', c: 'yes', d: 'yes', e: 'no', f: null };

test('complete predictions are scored unchanged', async () => {
  const { metrics } = await scorePredictions(BENCHMARK, await predictions(ALL), { allowPartial: false });
  assert.deepEqual([metrics.n, metrics.failed], [7, 1]);
  assert.deepEqual(metrics.scores, { accuracy: 100 * (4 / 7), 'accuracy/first': 100 });
  assert.equal(metrics.notes[0], 'of all');
});

test('missing predictions are an error that counts and names them', async () => {
  await assert.rejects(scorePredictions(BENCHMARK, await predictions({ c: 'yes' }), { allowPartial: false }), {
    name: 'UserError',
    exitCode: 1,
    message: /no prediction for 6 of the 7 questions of gqa test: "a", "b", "d", "e", "f" and 1 more\. --allow-partial/,
  });
});

test('the error of missing predictions names ids that fit no question', async () => {
  await assert.rejects(scorePredictions(BENCHMARK, await predictions({ c: 'yes', z: 'no' }), { allowPartial: false }), {
    message: /and 1 more\. Ids in it that are unknown, .*: "z"\. --allow-partial scores those that are there\.$/,
  });
});

test('with allowPartial missing predictions and failed answers are left out of every score', async () => {
  const path = await predictions(PART);
  const { metrics, predictions: set, leftOut } = await scorePredictions(BENCHMARK, path, { allowPartial: true });
  assert.deepEqual(metrics.scores, { accuracy: 50, 'accuracy/first': 0 });
  assert.deepEqual([metrics.n, metrics.failed, set.missing, leftOut?.questions], [4, 0, [0, 6], 3]);
  assert.match(metrics.notes.join(), /4 of 7 questions; the others are excluded/);
  const { low, high } = metrics.intervals.accuracy!;
  assert.ok(low < 50 && high > 50, 'the interval is of the rows that are there');
});

test('what the official script does with missing answers is said, with what it prints if it prints anything', async () => {
  const missingAnswers = { treatment: "LLaVA's.", scores: () => ({ accuracy: 1 }) };
  const leftOutBy = async (part: Partial<LoadedBenchmark>) =>
    (await scorePredictions({ ...BENCHMARK, ...part }, await predictions(PART), { allowPartial: true })).leftOut;
  assert.deepEqual(await leftOutBy({ missingAnswers }), {
    questions: 3,
    treatment: "LLaVA's.",
    scores: { accuracy: 1 },
  });
  const { treatment } = missingAnswers;
  assert.deepEqual(await leftOutBy({ missingAnswers: { treatment } }), { questions: 3, treatment, scores: null });
});

test('allowPartial changes nothing when every question has an answer', async () => {
  const path = await predictions({ ...ALL, f: 'no' });
  const strict = await scorePredictions(BENCHMARK, path, { allowPartial: false });
  assert.equal(strict.leftOut, null);
  assert.deepEqual(await scorePredictions(BENCHMARK, path, { allowPartial: true }), strict);
});

test('a split scored by a server has no local scores; a judge is asked where one is needed', async () => {
  const path = await predictions(ALL);
  const unscored = { ...BENCHMARK, score: () => null };
  const { metrics } = await scorePredictions(unscored, path, { allowPartial: false });
  assert.deepEqual([metrics.headline, metrics.scores, metrics.n], [null, {}, 7]);
  const judge = async () => BENCHMARK.score(['yes', 'yes', 'yes', 'yes', 'yes', 'yes', 'no'])!;
  const judged = await scorePredictions({ ...unscored, name: 'mmvet' }, path, { allowPartial: false, judge });
  assert.equal(judged.metrics.scores['accuracy'], 100 * (6 / 7));
});

test('a benchmark limited to some rows asks, scores and submits those only', () => {
  const full = { ...BENCHMARK, submission: (answers: readonly unknown[]) => [{ name: 'x', content: String(answers) }] };
  const restricted = restrictToRows(full, [1, 6]);
  assert.deepEqual(
    restricted.questions.map(({ index, questionId }) => [index, questionId]),
    [
      [0, 'b'],
      [1, 'g'],
    ],
  );
  assert.deepEqual(restricted.score(['yes', 'no'])?.perQuestion, [1, 0]);
  assert.equal(restricted.submission(['p', 'q'])[0]!.content, ',p,,,,,q');
});
