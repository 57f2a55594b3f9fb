import assert from 'node:assert/strict';
import test from 'node:test';
import { countFailures, describeFailure, remediesFor } from '../../../src/results/runs/failure-counts.js';
import { answered, failed } from '../samples.js';

const failure = (index: number, code: string, message = 'why') => ({ ...failed(index), error: { code, message } });
const counted = (...codes: string[]) => countFailures(codes.map((code, index) => failure(index, code)));

test('failures are counted by reason, the most frequent first, with the first example of each', () => {
  const predictions = [
    failure(0, 'prompt-too-long'),
    answered(1),
    failure(2, 'image-missing', '/a/x.jpg does not exist'),
    failure(3, 'image-missing', '/a/y.jpg does not exist'),
  ];
  const counts = countFailures(predictions);
  assert.deepEqual(counts, [
    { code: 'image-missing', questions: 2, first: { question_id: 'q2', message: '/a/x.jpg does not exist' } },
    { code: 'prompt-too-long', questions: 1, first: { question_id: 'q0', message: 'why' } },
  ]);
  assert.deepEqual(counts.map(describeFailure), [
    '2 image-missing, the first: question q2: /a/x.jpg does not exist',
    '1 prompt-too-long, question q0: why',
  ]);
  assert.deepEqual(countFailures([answered(0)]), []);
});

test('asking again is advised only where it can help', () => {
  assert.deepEqual(remediesFor(counted('image-missing', 'image-unreadable')), [
    'Once their images are there and intact, the same command asks them again.',
  ]);
  assert.deepEqual(remediesFor(counted('out-of-memory')), ['Rerun the same command to ask them again.']);
  for (const code of ['non-finite-logits', 'image-too-large', 'prompt-too-long']) {
    assert.deepEqual(remediesFor(counted(code)), ['Asking them again would give the same result.']);
  }
  assert.deepEqual(remediesFor(counted('server-failed', 'request-refused', 'content-filter')), [
    'server-failed: Rerun the same command to ask them again.',
    'request-refused, content-filter: Asking them again would give the same result.',
  ]);
  assert.deepEqual(remediesFor([]), []);
});
