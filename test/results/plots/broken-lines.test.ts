import assert from 'node:assert/strict';
import test from 'node:test';
import { brokenLines } from '../../../src/results/plots/broken-lines.js';

test('lines break at spaces and hyphens, and inside of words only where there are none', () => {
  assert.deepEqual(brokenLines('short', 10), ['short']);
  assert.deepEqual(brokenLines('ten let-rs', 10), ['ten let-rs']);
  assert.deepEqual(brokenLines('ten letter more', 10), ['ten letter', 'more']);
  assert.deepEqual(brokenLines('A llava-hr-7b at 448 px', 10), ['A llava-', 'hr-7b at', '448 px']);
  assert.deepEqual(brokenLines('Architecture_and', 14), ['Architecture_', 'and']);
  assert.deepEqual(brokenLines('indivisible', 5), ['indiv', 'isibl', 'e']);
  assert.deepEqual(brokenLines(' two\nlines ', 20), ['two lines']);
  assert.deepEqual(brokenLines('', 20), ['']);
  const long = brokenLines('x'.repeat(10_000), 20);
  assert.deepEqual([long.length, long.at(-1)], [4, `${'x'.repeat(19)}…`]);
});
