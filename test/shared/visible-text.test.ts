import assert from 'node:assert/strict';
import test from 'node:test';
import { visibleJson, visibleLine, visibleText } from '../../src/shared/visible-text.js';

const NASTY = '\u001b[2Ja\tb\u0007\u009b\u202egnp.exe\u2066\u200f\u061c\ufeff\ud800\u2028';
const SHOWN = '\\u001b[2Ja\\u0009b\\u0007\\u009b\\u202egnp.exe\\u2066\\u200f\\u061c\\ufeff\\ud800\\u2028';
/** Arabic, Hindi and an emoji whose joiners have no width. */
const HARMLESS = 'שלום مرحبا क्‍ष 👨‍👩‍👧 é\u0301 日本';

test('control codes and marks that are not seen are shown as escapes, letters as they are', () => {
  assert.equal(visibleText(NASTY), SHOWN);
  assert.equal(visibleText(`${HARMLESS}\nnext`), `${HARMLESS}\nnext`);
  assert.equal(visibleLine('a\r\n\tb\u202e'), 'a b\\u202e');
});

test('JSON keeps its value', () => {
  const value = { [NASTY]: [NASTY, HARMLESS, 1, null] };
  const text = visibleJson(value);
  assert.deepEqual(JSON.parse(text), value);
  assert.ok(!/[\u007f-\u009f\u200f\u2028-\u202e\u2066]/.test(text));
});
