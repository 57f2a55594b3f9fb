import assert from 'node:assert/strict';
import test from 'node:test';
import { renderTable } from '../../src/results/table.js';

test('columns line up, numbers to the right, wide characters counted as two', () => {
  const text = renderTable(
    ['model', 'size (px)', 'score'],
    [
      ['llava-hr-7b', '1024', '67.10'],
      ['模型', '336', '8.25'],
    ],
    ['left', 'right', 'right'],
  );
  assert.deepEqual(text.split('\n'), [
    'model        size (px)  score',
    '-----------------------------',
    'llava-hr-7b       1024  67.10',
    '模型               336   8.25',
  ]);
});

test('a table without rows is its header', () => {
  assert.equal(renderTable(['a', 'b'], [], ['left', 'right']), 'a  b');
});

test('control characters of a name do not reach the terminal', () => {
  const text = renderTable(['model'], [['\u001b[2Jbad\r\nname\u0007\u009b']], ['left']);
  assert.equal(text.split('\n').at(-1), ' [2Jbad name');
});
