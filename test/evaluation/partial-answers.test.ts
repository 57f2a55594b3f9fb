import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import type { LoadedBenchmark, Protocol, Question } from '../../src/benchmarks/benchmark.js';
import { BENCHMARKS, findBenchmark } from '../../src/benchmarks/registry.js';
import { sampleData } from '../../src/evaluation/sample.js';
import { scorePredictions } from '../../src/evaluation/score-predictions.js';

const folder = await mkdtemp(join(tmpdir(), 'llavahr-partial-'));
after(() => rm(folder, { recursive: true }));

let files = 0;

const load = (name: string, protocol: Protocol = 'llava') =>
  findBenchmark(name).load(sampleData(name), { protocol, images: false });

/** Scores right answers to those questions that are asked. */
async function scorePart(benchmark: LoadedBenchmark, asks: (question: Question) => boolean) {
  const path = join(folder, `${files++}.jsonl`);
  const lines = benchmark.questions.filter(asks).map(({ index, questionId, text }) => {
    const gold = benchmark.gold(index)!;
    const answer = benchmark.name === 'scienceqa' ? gold[0] : gold;
    return JSON.stringify({ index, question_id: questionId, prompt: text, text: answer });
  });
  await writeFile(path, lines.join('\n'));
  const { metrics, leftOut } = await scorePredictions(benchmark, path, { allowPartial: true });
  return { ...metrics, leftOut };
}

test('POPE: a single category is scored by itself, not as a third of the total', async () => {
  const pope = await load('pope');
  const { headline, scores, notes, leftOut } = await scorePart(
    pope,
    ({ index }) => pope.category!(index) === 'popular',
  );
  assert.equal(headline, 'f1');
  for (const metric of ['f1', 'accuracy', 'precision', 'recall']) {
    assert.deepEqual([scores[metric], scores[`popular/${metric}`]], [100, 100], metric);
  }
  assert.equal(scores['random/f1'], undefined);
  assert.ok(notes.some((note) => /popular only: no questions of adversarial and random/.test(note)));
  assert.deepEqual([/eval_pope\.py stops/.test(leftOut!.treatment!), leftOut!.scores], [true, null]);
});

test('MME: complete subtasks have scores, and sums over incomplete ones are left out', async () => {
  const mme = await load('mme');
  const tasks = ['existence', 'OCR', 'code_reasoning'];
  const { headline, scores, points } = await scorePart(mme, ({ index }) => tasks.includes(mme.category!(index)));
  assert.equal(headline, null);
  assert.deepEqual(points, ['existence/score', 'OCR/score', 'code_reasoning/score']);
  assert.deepEqual(
    tasks.map((task) => scores[`${task}/score`]),
    [200, 200, 200],
  );
  assert.deepEqual(
    ['perception', 'cognition', 'total'].filter((name) => name in scores),
    [],
  );
});

for (const protocol of ['llava', 'lmms-eval'] as const) {
  test(`MME, ${protocol}: which half of a pair is missing does not matter`, async () => {
    const mme = await load('mme', protocol);
    const first = await scorePart(mme, ({ index }) => index !== 0);
    const second = await scorePart(mme, ({ index }) => index !== 1);
    assert.deepEqual(first.scores, second.scores);
    assert.deepEqual([first.scores['perception'], first.scores['total']], [2000, 2800]);
    assert.equal(first.scores['existence/score'], undefined, 'not whole');
    assert.ok(first.notes.some((note) => /^1 pairs have only one of their two questions answered/.test(note)));
  });
}

test('ScienceQA: text questions only, with the number that eval_science_qa.py prints', async () => {
  const scienceQa = await load('scienceqa');
  const { headline, scores, leftOut } = await scorePart(scienceQa, ({ image }) => image === null);
  assert.deepEqual([headline, scores['accuracy'], scores['img-accuracy']], ['accuracy', 100, undefined]);
  const share = scienceQa.questions.filter(({ image }) => image === null).length / scienceQa.questions.length;
  assert.deepEqual(leftOut!.scores, { accuracy: 100 * share, 'accuracy-llava': 100 * share });
});

test('ScienceQA: half of the questions', async () => {
  const { scores, leftOut } = await scorePart(await load('scienceqa'), ({ index }) => index % 2 === 0);
  assert.deepEqual([scores['accuracy'], scores['img-accuracy']], [100, 100]);
  assert.deepEqual([leftOut!.scores!['accuracy'], leftOut!.scores!['img-accuracy']], [50, 100]);
});

test('SEED-Bench: images only have a score name of their own, and the script counts missing answers as wrong', async () => {
  const seed = await load('seed');
  const all = seed.questions.length;
  const { headline, scores, leftOut } = await scorePart(seed, ({ index }) => index % 4 !== 0);
  assert.deepEqual([headline, scores[headline!]], ['seed_image', 100]);
  const answered = seed.questions.filter(({ index }) => index % 4 !== 0).length;
  assert.ok(Math.abs(leftOut!.scores![headline!]! - (100 * answered) / all) < 1e-9);
});

for (const { name } of BENCHMARKS.filter((benchmark) => benchmark.name !== 'mmvet')) {
  test(`${name}: every other question answered right gives full scores`, async () => {
    const benchmark = await load(name);
    if (benchmark.gold(0) === null) return; // scored by a server
    const whole = await scorePart(benchmark, () => true);
    const { headline, scores, n, counts } = await scorePart(benchmark, ({ index }) => index % 3 !== 1);
    if (headline !== null) assert.equal(scores[headline], whole.scores[headline]);
    assert.equal(n, benchmark.questions.filter(({ index }) => index % 3 !== 1).length);
    for (const score of Object.keys(scores)) assert.ok(counts![score]! <= n, score);
  });
}
