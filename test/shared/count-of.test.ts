import assert from 'node:assert/strict';
import test from 'node:test';
import { countOf } from '../../src/shared/count-of.js';

test('one is singular, every other number plural', () => {
  assert.deepEqual(
    [0, 1, 2].map((count) => countOf(count, 'question')),
    ['0 questions', '1 question', '2 questions'],
  );
  assert.equal(countOf(1, 'file is', 'files are'), '1 file is');
});
