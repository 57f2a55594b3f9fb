import assert from 'node:assert/strict';
import test from 'node:test';
import { benchmarkNotes } from '../../../src/results/reports/benchmark-notes.js';

test('a note is printed once with all its benchmarks, in order of first occurrence', () => {
  const notes = benchmarkNotes([
    { benchmark: 'mme', notes: ['another size', 'few images'] },
    { benchmark: 'pope', notes: ['another size', 'few images'] },
    { benchmark: 'pope', notes: ['another size', 'no word'] },
  ]);
  assert.deepEqual(notes, ['mme, pope: another size', 'mme, pope: few images', 'pope: no word']);
});
