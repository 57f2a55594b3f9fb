import assert from 'node:assert/strict';
import test from 'node:test';
import { columnsOf, wrapText } from '../../src/shared/wrap-text.js';

test('lines break between words and keep their indentation; line breaks of the text stay', () => {
  assert.equal(wrapText('one two three four\n  five six seven', 10), 'one two\nthree four\n  five six\n  seven');
  assert.equal(wrapText('fits\n\n  as it is', 10), 'fits\n\n  as it is');
});

test('paths and commands in backticks stay whole, even when they are wider than the line', () => {
  assert.equal(wrapText('see /a/long/path/to/a/file.json now', 10), 'see\n/a/long/path/to/a/file.json\nnow');
  assert.equal(wrapText('Run `llavahr download textvqa` first.', 12), 'Run\n`llavahr download textvqa`\nfirst.');
  assert.equal(wrapText('a stray ` breaks nothing', 12), 'a stray `\nbreaks\nnothing');
});

test('colour codes take no width', () => {
  assert.equal(wrapText('\x1b[31mred\x1b[39m and blue', 12), '\x1b[31mred\x1b[39m and blue');
});

test('a terminal and COLUMNS set the width; files and pipes are never wrapped', () => {
  const columns = process.env['COLUMNS'];
  delete process.env['COLUMNS'];
  try {
    assert.equal(columnsOf({ isTTY: true, columns: 72 }), 72);
    assert.equal(columnsOf({ isTTY: true, columns: 0 }), Number.POSITIVE_INFINITY);
    assert.equal(columnsOf({}), Number.POSITIVE_INFINITY);
    process.env['COLUMNS'] = '50';
    assert.equal(columnsOf({}), 50);
    const text = 'word '.repeat(100);
    assert.equal(wrapText(text, Number.POSITIVE_INFINITY), text);
  } finally {
    if (columns === undefined) delete process.env['COLUMNS'];
    else process.env['COLUMNS'] = columns;
  }
});
