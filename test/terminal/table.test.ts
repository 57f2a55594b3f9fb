import assert from 'node:assert/strict';
import test from 'node:test';
import { renderTable } from '../../src/terminal/table.js';

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
  assert.equal(text.split('\n').at(-1), '\\u001b[2Jbad name\\u0007\\u009b');
});

const WIDE = [
  'model',
  'input (px)',
  'visual tokens',
  'first token (ms)',
  'relative speed',
  'memory (GB)',
  'questions/s',
];
const ROW = ['llava-1.5-7b', '336', '576', '123', '1.00', '14.2', '3.50'];
const RIGHT = WIDE.map((_, i) => (i === 0 ? 'left' : 'right')) as ('left' | 'right')[];

test('a table that would be wider than 80 columns breaks its titles', () => {
  assert.deepEqual(renderTable(WIDE, [ROW], RIGHT).split('\n'), [
    '              input  visual  first token  relative  memory',
    'model          (px)  tokens         (ms)     speed    (GB)  questions/s',
    '-----------------------------------------------------------------------',
    'llava-1.5-7b    336     576          123      1.00    14.2         3.50',
  ]);
});

test('what does not fit the terminal is continued below, rows named again; a title-less column stays with its left one', () => {
  const titles = ['benchmark', 'model', 'value', '', 'n'];
  const rows = [
    ['gqa', 'llava-1.5-7b', '62.0', '[61.1, 62.9]', '12578'],
    ['', 'llava-hr-7b', '64.2', '[63.4, 65.0]', '12578'],
  ];
  const text = renderTable(titles, rows, ['left', 'left', 'right', 'left', 'right'], { keys: 2, width: 44 });
  assert.deepEqual(text.split('\n'), [
    'benchmark  model         value',
    '--------------------------------------------',
    'gqa        llava-1.5-7b   62.0  [61.1, 62.9]',
    '           llava-hr-7b    64.2  [63.4, 65.0]',
    '',
    'benchmark  model             n',
    '------------------------------',
    'gqa        llava-1.5-7b  12578',
    '           llava-hr-7b   12578',
  ]);
});

test('texts are folded before columns are continued, and get the room that a part of the table has', () => {
  const note = 'taken when there is no question file of test-dev in the folder';
  const fits = renderTable(['split', 'n', 'note'], [['val', '5000', note]], ['left', 'right', 'left'], { width: 48 });
  assert.deepEqual(fits.split('\n'), [
    'split     n  note',
    '------------------------------------------------',
    'val    5000  taken when there is no question',
    '             file of test-dev in the folder',
  ]);
  const parts = renderTable(['split', 'n', 'note'], [['val', '5000', note]], ['left', 'right', 'left'], { width: 34 });
  assert.deepEqual(parts.split('\n').at(-3), 'val    taken when there is no');
});
