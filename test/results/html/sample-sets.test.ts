import assert from 'node:assert/strict';
import test from 'node:test';
import { isDisputed, sampleSet } from '../../../src/results/html/sample-sets.js';
import { type Answers, type Questions, questions, runSamples, twoRuns } from './page-samples.js';

function setOf(asked: Questions, answers: readonly [Answers, Answers]) {
  const runs = twoRuns();
  const samplesOf = new Map(runs.map((run, i) => [run, runSamples(asked, answers[i]!)]));
  return sampleSet({ title: 'textvqa val', runs }, samplesOf, (run) => runs.indexOf(run));
}

const RIGHT = { text: 'right', score: 1 };
const WRONG = { text: 'wrong', score: 0 };

test('a sample has the answers of all runs, the correct answers, and its category', () => {
  const { set, images } = setOf(questions(2), [
    [WRONG, { text: null, score: 0 }],
    [RIGHT, { text: 'nearly', score: 0.6 }],
  ]);
  assert.equal(set.instruction, '\nAnswer with one word.');
  assert.deepEqual(set.categories, ['even', 'odd']);
  assert.deepEqual(images, ['0.jpg', '0.jpg']);
  assert.deepEqual(set.samples[1], {
    row: 1,
    id: 'q1',
    prompt: 'What is number 1?',
    category: 1,
    references: [
      ['answer 1', 7],
      ['unknown', 3],
    ],
    answers: [{ failure: 'image-unreadable' }, 'nearly'],
    scores: [0, 0.6],
    image: null,
  });
});

test('a folder of an earlier version has no references, and one without question scores no verdicts', () => {
  const runs = twoRuns();
  const samplesOf = new Map(
    runs.map((run) => [run, { ...runSamples(questions(2), [RIGHT, WRONG]), references: null, scores: null }]),
  );
  const { set, images } = sampleSet({ title: 'textvqa val', runs }, samplesOf, () => 0);
  assert.deepEqual(images, [null, null]);
  assert.deepEqual(set.categories, []);
  const { category, references, answers, scores } = set.samples[0]!;
  assert.deepEqual(
    { category, references, answers, scores },
    {
      category: null,
      references: [],
      answers: ['right', 'right'],
      scores: [null, null],
    },
  );
});

test('a question asked in only one run is included without an answer from the other', () => {
  const { set } = setOf(questions(2), [[RIGHT], [RIGHT, WRONG]]);
  assert.deepEqual(set.samples[1]!.answers, [null, 'wrong']);
});

test('a prompt that another run was asked in other words is there whole', () => {
  const runs = twoRuns();
  const asked = questions(2);
  const other = { ...asked, prompts: [asked.prompts[0]!, 'What is this?\nAnswer with one word.'] };
  const samplesOf = new Map(runs.map((run, i) => [run, runSamples(i === 0 ? asked : other, [RIGHT, RIGHT])] as const));
  const { set } = sampleSet({ title: 'textvqa val', runs }, samplesOf, () => 0);
  assert.equal(set.samples[0]!.otherPrompts, undefined);
  assert.deepEqual(set.samples[1]!.otherPrompts, [[1, 'What is this?\nAnswer with one word.']]);
});

test('only whole lines at the end count as the instruction', () => {
  const asked = { ...questions(2), prompts: ['Is it red?', 'Is it bred?'] };
  assert.equal(
    setOf(asked, [
      [RIGHT, RIGHT],
      [RIGHT, RIGHT],
    ]).set.instruction,
    '',
  );
  const same = { ...questions(2), prompts: ['Look.\nSay it.\nNow.', 'What?\nSay it.\nNow.'] };
  const { instruction, samples } = setOf(same, [
    [RIGHT, RIGHT],
    [RIGHT, RIGHT],
  ]).set;
  assert.equal(instruction, '\nSay it.\nNow.');
  assert.equal(samples[1]!.prompt, 'What?');
});

test('of very many samples, those on which runs disagree are kept, plus a spread of the others', () => {
  const count = 10_400;
  const disputed = new Set([0, 7, 5_000, 10_399]);
  const first = Array.from({ length: count }, () => WRONG);
  const second = first.map((answer, row) => (disputed.has(row) ? RIGHT : answer));
  const { set } = setOf(questions(count), [first, second]);
  assert.equal(set.samples.length, 10_000);
  assert.equal(set.total, count);
  const rows = set.samples.map(({ row }) => row);
  assert.deepEqual(
    rows,
    [...new Set(rows)].sort((a, b) => a - b),
  );
  assert.deepEqual(
    set.samples.filter(isDisputed).map(({ row }) => row),
    [...disputed],
  );
  assert.ok(rows.at(-2)! > 10_300);
});
