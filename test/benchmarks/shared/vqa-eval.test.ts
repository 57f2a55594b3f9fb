import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { columnSums } from '../../../src/benchmarks/shared/statistics.js';
import { humanAnswers, type VqaAnnotation } from '../../../src/benchmarks/shared/vqa-annotations.js';
import {
  asUploaded,
  llavaHrVqa,
  m4cVqa,
  officialVqa,
  type VqaScorer,
  vizWizVqa,
} from '../../../src/benchmarks/shared/vqa-eval.js';
import { processDigitArticle, processPunctuation } from '../../../src/benchmarks/shared/vqa-normalisation.js';
import { vqaScore } from '../../../src/benchmarks/shared/vqa-score.js';
import { answerabilityScores } from '../../../src/benchmarks/vizwiz-answerability.js';
import { evaluateFormula } from '../../../src/results/statistics/formula.js';
import { fixture } from '../../fixtures.js';

/** Results of the official scripts on generated answers. */
interface Goldens {
  scorers: string[];
  overall: Record<string, number>;
  answerTypes: Record<string, number>;
  questionTypes: Record<string, number>;
  answerability: [averagePrecision: number, f1: number];
  questions: [
    questionType: string,
    answerType: string,
    answerable: 0 | 1,
    distinctTexts: string[],
    texts: string, // a digit per person: index in the distinct texts
    confidences: string, // a letter per person
    answer: string,
    scores: number[],
  ][];
  normalised: [text: string, expected: string][];
}

const goldens = JSON.parse(readFileSync(fixture('vqa', 'official-scores.json'), 'utf8')) as Goldens;

const withIds = goldens.questions.map((question) => row(question, true));
const withoutIds = goldens.questions.map((question) => row(question, false));
const answers = goldens.questions.map(([, , , , , , answer]) => answer);

function row(question: Goldens['questions'][number], haveIds: boolean): VqaAnnotation {
  const [questionType, answerType, , distinct, texts, confidences] = question;
  const records = [...texts].map((digit, i) => ({
    answer: distinct[Number(digit)]!,
    answer_confidence: confidences[i]!,
    ...(haveIds ? { answer_id: i + 1 } : {}),
  }));
  return { human: humanAnswers(records), answerType, questionType };
}

const CASES: Readonly<Record<string, { scorer: VqaScorer; rows: VqaAnnotation[] }>> = {
  official: { scorer: officialVqa, rows: withIds },
  'official uploaded': { scorer: asUploaded(officialVqa), rows: withIds },
  'official uploaded, without ids': { scorer: asUploaded(officialVqa), rows: withoutIds },
  'LLaVA-HR': { scorer: llavaHrVqa, rows: withIds },
  'LLaVA-HR, without ids': { scorer: llavaHrVqa, rows: withoutIds },
  'VizWiz uploaded': { scorer: asUploaded(vizWizVqa), rows: withoutIds },
  M4C: { scorer: m4cVqa, rows: withoutIds },
};

/** Rounds like the scripts' output. */
function round(score: number | undefined): number {
  return Number(score!.toFixed(2));
}

test('messy texts are normalised like vqaEval.py', () => {
  assert.ok(goldens.normalised.length > 1500);
  for (const [text, expected] of goldens.normalised) {
    const processed = processDigitArticle(processPunctuation(text.replace(/[\n\t]/g, ' ')));
    assert.equal(processed, expected, JSON.stringify(text));
  }
});

assert.deepEqual(Object.keys(CASES), goldens.scorers);
goldens.scorers.forEach((name, column) => {
  const { scorer, rows } = CASES[name]!;

  test(`${name}: each accuracy is bit-identical to the script's`, () => {
    goldens.questions.forEach((question, i) => {
      assert.equal(scorer(answers[i]!, rows[i]!.human), question[7][column], JSON.stringify(question));
    });
  });

  test(`${name}: the mean equals the script's output`, () => {
    const { scores, statistics } = vqaScore((i) => rows[i]!, answers, { accuracy: scorer }, 'accuracy');
    assert.equal(round(scores['accuracy']), goldens.overall[name]);
    const { counts, formula } = statistics['accuracy']!;
    const sums = [0, 1].map((offset) => counts.filter((_, i) => i % 2 === offset).reduce((a, b) => a + b));
    assert.equal(round(evaluateFormula(formula, sums)), goldens.overall[name]);
  });
});

test("breakdowns equal the script's output", () => {
  const { scores } = vqaScore((i) => withIds[i]!, answers, { accuracy: llavaHrVqa, other: officialVqa }, 'accuracy');
  for (const [type, expected] of Object.entries(goldens.answerTypes)) {
    assert.equal(round(scores[`accuracy/${type.replace('/', '-')}`]), expected, type);
  }
  for (const [type, expected] of Object.entries(goldens.questionTypes)) {
    assert.equal(round(scores[`accuracy/question-type/${type}`]), expected, type);
  }
  const names = Object.keys(scores).filter((name) => !name.includes('/'));
  assert.deepEqual(names, ['accuracy', 'other']);
});

test('a question without an answer is always wrong', () => {
  const row = { human: humanAnswers([{ answer: '' }, { answer: '' }]), answerType: 'other', questionType: null };
  const { scores, failed, perQuestion } = vqaScore(() => row, [null, ''], { accuracy: officialVqa }, 'accuracy');
  assert.deepEqual({ failed, perQuestion }, { failed: 1, perQuestion: [0, 0] });
  assert.equal(scores['accuracy/other'], 0);
});

const RED = humanAnswers(['red', 'red', 'red', 'red', 'blue'].map((answer) => ({ answer, answer_confidence: 'yes' })));
test('equal human answers are left out together, unless their records have ids', () => {
  // Leaving out one "red" removes all four, which scores 0; leaving out "blue" scores 1.
  assert.equal(officialVqa('red', RED), 1 / 5);
  assert.equal(officialVqa('red', { ...RED, details: null }), 1);
});

test('a unanimous answer must match exactly; otherwise both sides are normalised', () => {
  const unanimous = humanAnswers([1, 2, 3, 4].map((answer_id) => ({ answer: 'yes', answer_id })));
  assert.deepEqual([officialVqa('Yes', unanimous), officialVqa('yes\n', unanimous)], [0, 1]);
  const divided = humanAnswers(['yes', 'Yes', 'yes', 'yes', 'no'].map((answer, answer_id) => ({ answer, answer_id })));
  assert.equal(officialVqa('YES.', divided), 1);
});

test("LLaVA-HR's script never matches a human number word or article", () => {
  const two = humanAnswers(
    ['two', 'two', 'two', 'two', 'the beach'].map((answer, answer_id) => ({ answer, answer_id })),
  );
  assert.equal(llavaHrVqa('two', two), 0);
  assert.equal(officialVqa('two', two), 1);
});

test("answerability equals scikit-learn's results", () => {
  const isAnswerable = goldens.questions.map(([, , answerable]) => answerable === 1);
  const { scores, statistics } = answerabilityScores(isAnswerable, answers);
  const [averagePrecision, f1] = goldens.answerability;
  assert.equal(round(scores['answerability-average-precision']), averagePrecision);
  assert.equal(round(scores['answerability-f1']), f1);
  for (const [name, { counts, width, formula }] of Object.entries(statistics)) {
    assert.ok(Math.abs(evaluateFormula(formula, columnSums(counts, width)) - scores[name]!) < 1e-9, name);
  }
});

// [answerable, answer], computed by hand
const ANSWERABILITY: readonly { what: string; rows: [boolean, string | null][]; ap: number; f1: number }[] = [
  {
    what: 'all found',
    rows: [
      [false, 'Unanswerable.'],
      [true, 'cat'],
    ],
    ap: 100,
    f1: 100,
  },
  {
    what: 'none found',
    rows: [
      [false, 'dog'],
      [true, null],
    ],
    ap: 50,
    f1: 0,
  },
  {
    what: 'no unanswerable question',
    rows: [
      [true, 'unanswerable'],
      [true, 'cat'],
    ],
    ap: 0,
    f1: 0,
  },
  {
    what: 'one of two found',
    rows: [
      [false, 'unanswerable'],
      [false, null],
      [true, 'a'],
      [true, 'b'],
    ],
    ap: 75,
    f1: 200 / 3,
  },
];
for (const { what, rows, ap, f1 } of ANSWERABILITY) {
  test(`answerability with ${what}`, () => {
    const { scores } = answerabilityScores(
      rows.map(([answerable]) => answerable),
      rows.map(([, answer]) => answer),
    );
    assert.equal(scores['answerability-average-precision'], ap);
    assert.ok(Math.abs(scores['answerability-f1']! - f1) < 1e-9);
  });
}
