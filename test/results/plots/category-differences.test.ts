import assert from 'node:assert/strict';
import test from 'node:test';
import { plotCategoryDifferences } from '../../../src/results/plots/category-differences.js';
import { parseSvg, texts } from './parse-svg.js';

const A = { key: 'A', label: 'A small model' };
const DOTS = [
  { series: 'B', category: 'text', questions: 30, mean: 10, low: 5, high: 15 },
  { series: 'C', category: 'text', questions: 30, mean: -5, low: -9, high: -1 },
  { series: 'B', category: 'numbers', questions: 12, mean: 0, low: -20, high: 20 },
];

test('a row per category, a dot and an interval per model, a line at zero', () => {
  const plot = parseSvg(plotCategoryDifferences(DOTS, 'textvqa val', A, ['A', 'B', 'C']).svg);
  assert.deepEqual(texts(plot, 'y-axis tick label'), ['text (30)', 'numbers (12)']);
  assert.equal(plot.querySelectorAll('[aria-label="rule"] line').length, 4);
  const dots = [...plot.querySelectorAll('[aria-label="dot"] title')].map(({ textContent }) => textContent);
  assert.deepEqual(dots.sort(), [
    'B on numbers (12 questions): +0.0 [-20.0, +20.0]',
    'B on text (30 questions): +10.0 [+5.0, +15.0]',
    'C on text (30 questions): -5.0 [-9.0, -1.0]',
  ]);
});

test('a long category name takes several lines; the longest are complete in the description only', () => {
  const labelOf = (category: string) => {
    const plot = parseSvg(plotCategoryDifferences([{ ...DOTS[0]!, category }], 'seed', A, ['A', 'B']).svg);
    assert.ok(plot.querySelector('desc')!.textContent.includes(category));
    return [...plot.querySelectorAll('[aria-label="y-axis tick label"] tspan')].map(({ textContent }) => textContent);
  };
  assert.deepEqual(labelOf('a category with a name that is long for an axis'), [
    'a category with a name that',
    'is long for an axis (30)',
  ]);
  const lines = labelOf('endless'.repeat(100));
  assert.equal(lines.length, 4);
  assert.ok(lines.every(({ length }) => length <= 28));
  assert.ok(lines.at(-1)!.endsWith('…'));
});

test('without any difference the axis still has a scale', () => {
  const none = DOTS.map((dot) => ({ ...dot, mean: 0, low: 0, high: 0 }));
  const plot = parseSvg(plotCategoryDifferences(none, 'textvqa val', A, ['A', 'B', 'C']).svg);
  assert.deepEqual(texts(plot, 'x-axis tick label'), ['−1.0', '−0.5', '0.0', '0.5', '1.0']);
});

test('a model has the same colour in every plot, even if another model is missing', () => {
  const colorOf = (dots: typeof DOTS) => {
    const plot = parseSvg(plotCategoryDifferences(dots, 'pope test', A, ['A', 'B', 'C']).svg);
    const group = [...plot.querySelectorAll('[aria-label="dot"]')].find(({ textContent }) => textContent[0] === 'C');
    return group!.getAttribute('fill');
  };
  const alone = colorOf(DOTS.filter(({ series }) => series === 'C'));
  assert.match(alone!, /^var\(--series-\d\)$/);
  assert.equal(alone, colorOf(DOTS));
});
