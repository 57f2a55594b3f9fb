import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import test from 'node:test';
import { lmmsExactMatch } from '../../src/benchmarks/gqa-metrics.js';
import { mmeVerdict, scoreMme } from '../../src/benchmarks/mme-score.js';
import { type PopeItem, scorePope } from '../../src/benchmarks/pope-score.js';
import { chosenOption, letterOfLmmsEval, OPTION_LETTERS } from '../../src/benchmarks/scienceqa-score.js';
import { scoreSeed } from '../../src/benchmarks/seed-score.js';
import { type AnswerRecord, humanAnswers } from '../../src/benchmarks/shared/vqa-annotations.js';
import { lmmsEvalVqa, m4cVqa } from '../../src/benchmarks/shared/vqa-eval.js';
import { fixture } from '../fixtures.js';

interface Choice<Gold> {
  answer: string;
  gold: Gold;
  score: number;
}

type MmeRow = { task: string; image: string; gold: 'yes' | 'no'; answer: string };

/** What lmms-eval's own functions (75571cf) gave for these answers; every response was stripped first, as its task does. */
const recorded = JSON.parse(await readFile(fixture('lmms-eval', 'recorded.json'), 'utf8')) as {
  vqa: { answer: string; records: AnswerRecord[]; vqav2: number; m4c: number }[];
  scienceqa: Choice<number>[];
  seed: Choice<string>[];
  mme: Choice<'Yes' | 'No'>[];
  mmeTotals: { rows: MmeRow[]; perception: number; cognition: number };
  pope: { rows: (PopeItem & { answer: string })[]; scores: Record<string, number> };
  gqa: Choice<string>[];
};

function assertClose(actual: number, expected: number, what: unknown): void {
  assert.ok(Math.abs(actual - expected) < 1e-12, `${JSON.stringify(what)}: ${actual}, not ${expected}`);
}

test('VQAv2: vqav2_process_results', () => {
  for (const { answer, records, vqav2 } of recorded.vqa) {
    assertClose(lmmsEvalVqa(answer, humanAnswers(records)), vqav2, [answer, records]);
  }
});

test('TextVQA, VizWiz and OK-VQA: their process_results', () => {
  for (const { answer, records, m4c } of recorded.vqa) {
    assertClose(m4cVqa(answer, humanAnswers(records)), m4c, [answer, records]);
  }
});

test('ScienceQA: sqa_process_results', () => {
  const problem = {
    question: '',
    choices: [...OPTION_LETTERS],
    answer: 0,
    hint: '',
    image: null,
    grade: '',
    subject: '',
  };
  for (const { answer, gold, score } of recorded.scienceqa) {
    const chosen = chosenOption(letterOfLmmsEval, answer, { ...problem, answer: gold });
    assert.equal(Number(chosen === gold), score, JSON.stringify([answer, gold]));
  }
});

test('SEED-Bench: seed_process_result and seed_aggregation_result', () => {
  for (const { answer, gold, score } of recorded.seed) {
    const item = { id: '1', dataType: 'image' as const, dimension: 'x', gold };
    assert.equal(scoreSeed([item], [answer], 'lmms-eval').perQuestion[0], score, JSON.stringify([answer, gold]));
  }
});

test('GQA: exact_match with the options of its task', () => {
  for (const { answer, gold, score } of recorded.gqa) {
    assert.equal(Number(lmmsExactMatch(answer, gold)), score, JSON.stringify([answer, gold]));
  }
});

test('MME: mme_process_results and mme_aggregate_results', () => {
  for (const { answer, gold, score } of recorded.mme) {
    assert.equal(Number(mmeVerdict(answer, 'lmms-eval') === gold.toLowerCase()), score, JSON.stringify([answer, gold]));
  }
  const { rows, ...totals } = recorded.mmeTotals;
  const answers = rows.map(({ answer }) => answer);
  const { scores } = scoreMme(rows, answers, 'lmms-eval');
  for (const [half, points] of Object.entries(totals)) assertClose(scores[half]!, points, half);
});

test('POPE: pope_process_results and its five aggregations', () => {
  const { rows, scores: expected } = recorded.pope;
  const answers = rows.map(({ answer }) => answer);
  const { scores } = scorePope(rows, answers, 'lmms-eval', { adversarial: [], random: [], popular: [] });
  for (const [metric, fraction] of Object.entries(expected)) assertClose(scores[metric]! / 100, fraction, metric);
});
