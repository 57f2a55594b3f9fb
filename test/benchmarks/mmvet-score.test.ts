import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { gradingPrompt, parseGrade } from '../../src/benchmarks/mmvet-grading-prompt.js';
import { scoreMmVet } from '../../src/benchmarks/mmvet-score.js';
import { fixture } from '../fixtures.js';

/** Results of the official evaluator before rounding. */
interface Goldens {
  questions: { capability: string[]; grades: number[] }[];
  total: number;
  std: number;
  runs: number[];
  capability: Record<string, number>;
  integration: { capability: string[]; score: number }[];
}

const goldens = JSON.parse(readFileSync(fixture('mmvet', 'scores.json'), 'utf8')) as Goldens;
const questions = goldens.questions.map((question) => ({ ...question, isAnswered: true }));

test('totals, spread, capabilities and integrations of 5 runs are bit-identical to the official ones', () => {
  const { score, runTotals, std } = scoreMmVet(questions, 5)!;
  assert.equal(score.scores.total, goldens.total);
  assert.equal(std, goldens.std);
  assert.deepEqual(runTotals, goldens.runs);
  for (const [name, expected] of Object.entries(goldens.capability)) {
    assert.equal(score.scores[`capability/${name}`], expected, name);
  }
  const integrations = Object.entries(score.scores).flatMap(([name, value]) => {
    const [kind, members] = name.split('/');
    return kind === 'integration' ? [{ capability: members!.split('+').sort(), score: value }] : [];
  });
  assert.deepEqual(integrations, goldens.integration);
  assert.equal(score.n, 218);
  assert.deepEqual(score.notes, []);
});

test('a missing grade is excluded, and a note gives the total that counts it as 0', () => {
  const graded = [
    { capability: ['rec'], grades: [1, 0.5], isAnswered: true },
    { capability: ['rec', 'ocr'], grades: [null, 0.5], isAnswered: true },
    { capability: ['ocr'], grades: [0, 0], isAnswered: false },
    { capability: ['math'], grades: [null, null], isAnswered: true },
  ];
  const { score, runTotals, std } = scoreMmVet(graded, 2)!;
  assert.deepEqual(runTotals, [50, (1 / 3) * 100]);
  assert.equal(score.scores.total, (50 + (1 / 3) * 100) / 2);
  assert.ok(Math.abs(std - 25 / 3) < 1e-12);
  assert.deepEqual(score.perQuestion, [0.75, 0.5, 0, null]);
  assert.equal(score.n, 3);
  assert.equal(score.failed, 1);
  assert.equal('capability/math' in score.scores, false);
  assert.match(score.notes.join(), /^3 of 8 gradings failed .* a total of 25\.0\.$/);
});

test('there is no score when a run has no grades', () => {
  assert.equal(scoreMmVet([{ capability: ['rec'], grades: [1, null], isAnswered: true }], 2), null);
});

test("grades are parsed like Python's float()", () => {
  const grades = JSON.parse(readFileSync(fixture('mmvet', 'grades.json'), 'utf8')) as [string, number | null][];
  for (const [content, expected] of grades) assert.equal(parseGrade(content), expected, JSON.stringify(content));
  assert.equal(parseGrade(null), null);
  assert.equal(parseGrade('nan'), null);
});

test('the prompt is exactly the official one', () => {
  const record = { imagename: '', question: 'Q?', answer: '-1<AND>-5<OR>$&', capability: ['rec'] };
  const prompt = gradingPrompt(record, 'x = 1\ny');
  const examples = prompt.slice(0, -'\nQ? | -1 <AND> -5 <OR> $& | x = 1\ny | '.length);
  assert.equal(prompt, `${examples}\nQ? | -1 <AND> -5 <OR> $& | x = 1\ny | `);
  assert.ok(examples.endsWith('countries and their actual physical characteristics. | 1.0\n'));
  const hash = createHash('sha256').update(examples).digest('hex');
  assert.equal(hash, 'd1b3e0a5b4e72c888b77164489d705bba4dd149934fff564dfba6443d81afe3f');
});
