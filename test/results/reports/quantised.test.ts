import assert from 'node:assert/strict';
import test from 'node:test';
import { precisionLabel, quantisedNote } from '../../../src/results/reports/quantised.js';

test('quantised precisions are marked, and the note names their bits', () => {
  assert.deepEqual(['fp32', 'fp16', 'int8', 'int4'].map(precisionLabel), [
    'fp32',
    'fp16',
    'int8 (quantised)',
    'int4 (quantised)',
  ]);
  assert.equal(quantisedNote(['fp32', 'fp16']), null);
  assert.match(quantisedNote(['fp32', 'int8', 'int8'])!, /8-bit weights/);
  assert.match(quantisedNote(['int8', 'int4'])!, /4- or 8-bit weights/);
});
