import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import test from 'node:test';
import { gqaPrediction, gqaScores, lmmsExactMatch, stepsOf } from '../../src/benchmarks/gqa-metrics.js';
import { fixture } from '../fixtures.js';

test("answers are converted like LLaVA's script and compared like lmms-eval", async () => {
  // answer, gold, result of convert_gqa_for_eval.py, result of lmms-eval's exact_match with NumPy
  const texts: [string, string, string, number][] = JSON.parse(await readFile(fixture('gqa', 'texts.json'), 'utf8'));
  assert.equal(texts.length, 2824);
  for (const [answer, gold, prediction, exactMatch] of texts) {
    assert.equal(gqaPrediction(answer), prediction, JSON.stringify(answer));
    assert.equal(Number(lmmsExactMatch(answer, gold)), exactMatch, JSON.stringify([answer, gold]));
  }
});

test('reasoning steps exclude operations that only query the answer', () => {
  const program = [
    { operation: 'select', argument: 'dog (1)' },
    { operation: 'filter color', argument: 'red' },
    { operation: 'query', argument: 'name' },
  ];
  assert.equal(stepsOf(program), 2);
  assert.equal(stepsOf([...program, { operation: 'exist', argument: '?' }]), 2);
  assert.equal(stepsOf([{ operation: 'query', argument: 'color' }]), 1);
  // eval.py looks for these words anywhere in the operation.
  assert.equal(stepsOf([{ operation: 'relate', argument: 'existing' }]), 0);
});

/** A question of the balanced set; its answer is "red". */
function question(entailed: string[] = [], globalGroup: string | null = null) {
  const types = { structural: 'query', semantic: 'attr', detailed: 'color' };
  return { question: 'What color is it?', answer: 'red', isBalanced: true, types, globalGroup, entailed, steps: 1 };
}

test('consistency only considers questions entailed by correctly answered ones', () => {
  const questions = new Map([
    ['1', question(['1', '2', '3'])],
    ['2', question()],
    ['3', question(['1'])],
  ]);
  const { scores, perQuestion } = gqaScores(
    questions,
    new Map([
      ['1', 'red'],
      ['2', 'red'],
      ['3', 'blue'],
    ]),
    null,
  );
  assert.equal(scores['consistency'], 50);
  assert.deepEqual([...perQuestion['consistency']!], [['1', 0.5]]);
  assert.equal(gqaScores(questions, new Map(), null).scores['consistency'], 0);
});

test('consistency over some of the entailed questions has a different name', () => {
  const { scores, entailed } = gqaScores(
    new Map([
      ['1', question(['2', 'elsewhere'])],
      ['2', question()],
    ]),
    new Map([
      ['1', 'red'],
      ['2', 'red'],
    ]),
    null,
  );
  assert.equal(scores['consistency/asked'], 100);
  assert.equal('consistency' in scores, false);
  assert.deepEqual(entailed, { selected: 1, all: 2 });
  const none = gqaScores(new Map([['1', question(['elsewhere'])]]), new Map(), null);
  assert.deepEqual(Object.keys(none.perQuestion), ['accuracy']);
});

test('the distribution is chi-square by group, weighted by size', () => {
  const questions = new Map([
    ['1', question([], 'color')],
    ['2', question([], 'color')],
    ['3', { ...question([], 'side'), answer: 'left' }],
    ['4', question()],
  ]);
  const predictions = new Map([
    ['1', 'red'],
    ['2', 'blue'],
    ['3', 'right'],
    ['4', 'blue'],
  ]);
  // color: (1 - 2)^2 / 2, for two questions; side: (0 - 1)^2 / 1, for one
  assert.equal(gqaScores(questions, predictions, null).scores['distribution'], (0.5 * 2 + 1 * 1) / 3 / 100);
  assert.equal('distribution' in gqaScores(new Map([['4', question()]]), predictions, null).scores, false);
});

test('a question without a prediction counts as wrong in every metric', () => {
  const choices = new Map([['1', { valid: ['red'], plausible: ['red'] }]]);
  const { scores } = gqaScores(new Map([['1', question([], 'color')]]), new Map(), choices);
  assert.deepEqual(
    [scores['accuracy'], scores['validity'], scores['plausibility'], scores['distribution']],
    [0, 0, 0, 0.01],
  );
});
