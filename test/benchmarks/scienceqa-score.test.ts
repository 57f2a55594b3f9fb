import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import {
  chosenOption,
  letterOfLlava,
  letterOfLlavaHr,
  letterOfLmmsEval,
  OPTION_LETTERS,
  type Problem,
  scoreScienceQa,
} from '../../src/benchmarks/scienceqa-score.js';
import { evaluateFormula } from '../../src/results/statistics/formula.js';
import { fixture } from '../fixtures.js';

const problem: Problem = { question: '', choices: [], answer: 0, hint: '', image: null, grade: '', subject: '' };

function readGoldens(file: string): unknown {
  return JSON.parse(readFileSync(fixture('scienceqa', file), 'utf8'));
}

type Letters = [answer: string, choices: number, gold: number, llavaHr: number, llava: number, lmmsEval: 0 | 1];

test('3000 messy answers are read like the official scripts', () => {
  const letters = readGoldens('letters.json') as Letters[];
  assert.equal(letters.length, 3000);
  for (const [answer, choices, gold, llavaHr, llava, lmmsEval] of letters) {
    const asked = { ...problem, choices: OPTION_LETTERS.slice(0, choices) };
    const what = JSON.stringify(answer);
    assert.equal(chosenOption(letterOfLlavaHr, answer, asked), llavaHr, what);
    assert.equal(chosenOption(letterOfLlava, answer, asked), llava, what);
    assert.equal(chosenOption(letterOfLmmsEval, answer, asked) === gold ? 1 : 0, lmmsEval, what);
  }
});

const goldens = readGoldens('scores.json') as {
  problems: Record<string, Problem>;
  answers: string[];
  accuracy: number;
  imgAccuracy: number;
  accuracyLlava: number;
  imgAccuracyLlava: number;
  exactMatch: number;
  imgExactMatch: number;
  table: Record<string, number>;
  missing: string[];
  accuracyWithMissing: number;
  imgAccuracyWithMissing: number;
};
const problems = Object.values(goldens.problems);

test('accuracies and breakdowns by subject, context and grade are bit-identical to the official ones', () => {
  const { headline, scores, statistics, n, failed } = scoreScienceQa(problems, goldens.answers, 'llava');
  const table = Object.entries(goldens.table).map(([name, score]) => [`accuracy/${name}`, score]);
  assert.deepEqual(scores, {
    'img-accuracy': goldens.imgAccuracy,
    accuracy: goldens.accuracy,
    'img-accuracy-llava': goldens.imgAccuracyLlava,
    'accuracy-llava': goldens.accuracyLlava,
    ...Object.fromEntries(table),
  });
  assert.deepEqual({ headline, n, failed }, { headline: 'img-accuracy', n: 400, failed: 0 });
  for (const [name, { width, counts, formula }] of Object.entries(statistics)) {
    const sums = Array.from({ length: width }, (_, column) =>
      problems.reduce((sum, _problem, row) => sum + counts[row * width + column]!, 0),
    );
    assert.equal(evaluateFormula(formula, sums), scores[name], name);
  }
  assert.deepEqual(Object.keys(statistics).sort(), [
    'accuracy',
    'accuracy-llava',
    'img-accuracy',
    'img-accuracy-llava',
  ]);
});

test('the lmms-eval headline is its exact match', () => {
  const { headline, scores } = scoreScienceQa(problems, goldens.answers, 'lmms-eval');
  assert.equal(headline, 'img-exact-match');
  assert.equal(scores['img-exact-match'], goldens.imgExactMatch);
  assert.equal(scores['exact-match'], goldens.exactMatch);
  assert.equal(scores['img-accuracy'], goldens.imgAccuracy);
  assert.ok('exact-match/natural' in scores);
});

test("questions without an answer count as wrong, and a note gives the official script's output", () => {
  const ids = Object.keys(goldens.problems);
  const answers = goldens.answers.map((answer, i) => (goldens.missing.includes(ids[i]!) ? null : answer));
  const { scores, failed, notes } = scoreScienceQa(problems, answers, 'llava');
  assert.equal(failed, 40);
  assert.equal(scores.accuracy, goldens.accuracyWithMissing);
  assert.ok(scores['img-accuracy']! < goldens.imgAccuracyWithMissing);
  assert.match(notes.join(), new RegExp(`print ${goldens.imgAccuracyWithMissing.toFixed(2)} % over \\d+ questions`));
});

test('answers without a letter and letters without an option are unparsable', () => {
  const two = { ...problem, choices: ['x', 'y'] };
  const { unparsable, perQuestion } = scoreScienceQa([two, two, two, two], ['A', 'C', 'so what', null], 'llava');
  assert.equal(unparsable, 2);
  assert.deepEqual(perQuestion, [1, 0, 0, 0]);
});

test('without image questions, the headline is the accuracy', () => {
  const { headline, scores } = scoreScienceQa([{ ...problem, choices: ['x'] }], ['A'], 'llava');
  assert.equal(headline, 'accuracy');
  assert.deepEqual(scores, { accuracy: 100, 'accuracy-llava': 100, 'accuracy/no-context': 100 });
});

test('with image questions only, there is one accuracy of each kind', () => {
  const { scores } = scoreScienceQa([{ ...problem, choices: ['x'], image: 'image.png' }], ['Art'], 'llava');
  assert.deepEqual(scores, { 'img-accuracy': 100, 'img-accuracy-llava': 0, 'img-accuracy/image-context': 100 });
});
