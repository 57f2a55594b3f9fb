import assert from 'node:assert/strict';
import test from 'node:test';
import {
  lowerWithoutPunctuation,
  pyCapitalize,
  pyLstrip,
  pyRstrip,
  pySplit,
  pyStrip,
} from '../../src/shared/python-strings.js';

// All characters of which Python 3.11 says isspace().
const PYTHON_SPACES = [
  '\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680',
  '\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000',
].join('');

test('strip removes exactly the characters that are white space in Python', () => {
  for (let code = 0; code <= 0xffff; code++) {
    const character = String.fromCharCode(code);
    const expected = PYTHON_SPACES.includes(character) ? 'a' : `${character}a${character}`;
    assert.equal(pyStrip(`${character}a${character}`), expected, `U+${code.toString(16)}`);
  }
});

test('strip keeps inner spaces and empties a text of spaces only', () => {
  assert.equal(pyStrip(' \x1c two  words\u0085\n'), 'two  words');
  assert.equal(pyStrip(PYTHON_SPACES), '');
  assert.equal(pyStrip('\ufeffyes'), '\ufeffyes'); // JavaScript's trim would take the byte order mark off
});

test('rstrip leaves the start', () => {
  assert.equal(pyRstrip(' yes \x1f'), ' yes');
  assert.equal(pyRstrip(''), '');
});

test('given characters are removed, and white space is not', () => {
  assert.equal(pyStrip('.,a., b.,.', '.,'), 'a., b');
  assert.equal(pyStrip(' .a. ', '.'), ' .a. ');
  assert.equal(pyStrip('...', '.'), '');
  assert.deepEqual([pyLstrip('%5%%', '%'), pyRstrip('%5%%', '%')], ['5%%', '%5']);
});

test('exactly the punctuation of ASCII is removed', () => {
  const ascii = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code)).join('');
  const others = [...ascii].filter((character) => !/[\p{P}\p{S}]/u.test(character)).join('');
  assert.equal(lowerWithoutPunctuation(ascii), others.toLowerCase());
  assert.equal(lowerWithoutPunctuation('\u00bfQu\u00e9 \u2014 O.K.?'), '\u00bfqu\u00e9 \u2014 ok');
});

test('rstrip of a long text with long spaces inside is quick', () => {
  const text = `${' '.repeat(200_000)}x`;
  const start = performance.now();
  assert.equal(pyRstrip(text), text);
  assert.ok(performance.now() - start < 1000);
});

test('split gives words, never empty ones', () => {
  assert.deepEqual(pySplit('  a\x1db\u0085c \ufeff d\n'), ['a', 'b', 'c', '\ufeff', 'd']);
  assert.deepEqual(pySplit(' \n'), []);
  assert.deepEqual(pySplit(''), []);
});

// Expected values printed by Python 3.11.
const CAPITALIZED: readonly (readonly [text: string, expected: string])[] = [
  ['', ''],
  ['what Is THIS brand?', 'What is this brand?'],
  ["'s THE", "'s the"],
  ['1ST Place', '1st place'],
  ['\u00dfA', 'Ssa'],
  ['\ufb01N', 'Fin'],
  ['\u01c6X', '\u01c5x'], // the digraph dž has a form of its own for titles
  ['\u01f1A', '\u01f2a'],
  ['\u0149A', '\u02bcNa'],
  ['\u10d0\u10d1', '\u10d0\u10d1'], // Georgian
  ['\u0130X', '\u0130x'], // lower case of this I with dot is two characters
  ['\u1f80A', '\u1f88a'], // Greek with iota below
  ['\u1fb7A', '\u0391\u0342\u0345a'],
  ['\u0391\u03a3', '\u0391\u03c2'], // final sigma
  ['\u03a3\u0391\u03a3 \u03a3', '\u03a3\u03b1\u03c2 \u03c3'],
  ['\u{10428}\u{10400}', '\u{10400}\u{10428}'], // beyond the first 65,536 characters
];

test("capitalize equals Python's", () => {
  for (const [text, expected] of CAPITALIZED) assert.equal(pyCapitalize(text), expected, JSON.stringify(text));
});
