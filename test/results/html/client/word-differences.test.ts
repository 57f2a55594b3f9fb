import assert from 'node:assert/strict';
import test from 'node:test';
import { wordDifferences } from '../../../../src/results/html/client/word-differences.js';

/** The text with what is other in brackets. */
const marked = (base: string, text: string): string =>
  wordDifferences(base, text)
    .map(({ text, isOther }) => (isOther ? `[${text}]` : text))
    .join('');

test('words and white space that the base lacks are other', () => {
  assert.equal(marked('a red bus', 'a red bus'), 'a red bus');
  assert.equal(marked('a red bus', 'a blue bus'), 'a [blue] bus');
  assert.equal(marked('yes', 'no'), '[no]');
  assert.equal(marked('a bus', 'a big bus'), 'a [big ]bus');
  assert.equal(marked('a big bus', 'a bus'), 'a bus');
  assert.equal(marked('stop', 'stop\n'), 'stop[\n]');
  assert.equal(marked('', 'new'), '[new]');
  assert.equal(marked('old', ''), '');
  assert.equal(marked('x a y b z', 'a q b'), 'a [q] b');
});

test('the longest texts are compared at their ends only', () => {
  const long = Array.from({ length: 5000 }, (_, i) => `w${i}`).join(' ');
  const parts = wordDifferences(`start old ${long} old end`, `start new ${long} new end`);
  assert.deepEqual(
    parts.map(({ isOther, text }) => [isOther, text.length]),
    [
      [false, 'start '.length],
      [true, `new ${long} new`.length],
      [false, ' end'.length],
    ],
  );
});
