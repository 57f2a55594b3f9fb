import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { processAnswer } from '../../../src/benchmarks/shared/evalai-answer-processor.js';
import { vqaAccuracy } from '../../../src/benchmarks/shared/vqa-accuracy.js';
import { fixture } from '../../fixtures.js';

/** Results of the official script. */
interface Goldens {
  normalisation: [answer: string, expected: string][];
  accuracy: { answer: string; humanAnswers: string[]; score: number }[];
}

const goldens = JSON.parse(readFileSync(fixture('textvqa', 'normalisation.json'), 'utf8')) as Goldens;

test('3000 messy answers are normalised like the official script', () => {
  assert.equal(goldens.normalisation.length, 3000);
  for (const [answer, expected] of goldens.normalisation) {
    assert.equal(processAnswer(answer), expected, JSON.stringify(answer));
  }
});

test('300 accuracies are bit-identical to the official ones', () => {
  assert.equal(goldens.accuracy.length, 300);
  for (const { answer, humanAnswers, score } of goldens.accuracy) {
    assert.equal(vqaAccuracy(processAnswer(answer), humanAnswers.map(processAnswer)), score, JSON.stringify(answer));
  }
});

test('only the first 32 periods are removed', () => {
  assert.equal(processAnswer(`${'.'.repeat(40)}x`), '........x');
});

test('names of object methods are ordinary words', () => {
  assert.equal(processAnswer('constructor toString __proto__'), 'constructor tostring proto');
});

test('a long answer full of punctuation is processed quickly', () => {
  const start = performance.now();
  processAnswer('- a.b ('.repeat(100_000));
  assert.ok(performance.now() - start < 2000);
});

// Computed by hand: n of ten people say "red".
const RED_ANSWERS: readonly (readonly [count: number, accuracy: number])[] = [
  [0, 0],
  [1, 0.3],
  [2, 0.6],
  [3, 0.9],
  [4, 1],
  [10, 1],
];
for (const [count, accuracy] of RED_ANSWERS) {
  test(`an answer given by ${count} of ten people scores ${accuracy}`, () => {
    const people = Array.from({ length: 10 }, (_, i) => (i < count ? 'red' : `other ${i}`));
    assert.ok(Math.abs(vqaAccuracy('red', people) - accuracy) < 1e-12);
  });
}
