import assert from 'node:assert/strict';
import test from 'node:test';
import { parseJson } from '../../src/shared/parse-json.js';

const nested = (depth: number, [open, close]: readonly [string, string]): string =>
  open.repeat(depth) + close.repeat(depth);
const LISTS = ['[', ']'] as const;

test('lists and objects are read 500 deep and refused deeper', () => {
  assert.equal(JSON.stringify(parseJson(nested(500, LISTS))).length, 1000);
  for (const text of [nested(501, LISTS), nested(100_000, LISTS), nested(501, ['{"a":[', ']}'])]) {
    assert.throws(() => parseJson(text), { message: 'it is nested more than 500 levels deep' });
  }
});

test('brackets in strings and consecutive lists do not count as depth', () => {
  const strings = ['['.repeat(600), `"${'['.repeat(600)}`, `\\"${'{'.repeat(600)}\\`, '\\'.repeat(600)];
  assert.deepEqual(parseJson(JSON.stringify(strings)), strings);
  assert.equal((parseJson(`[${'[],'.repeat(600)}{}]`) as unknown[]).length, 601);
});

test("invalid JSON is refused with JSON.parse's error", () => {
  for (const text of ['', '{', `"${'['.repeat(600)}`, `${'['.repeat(499)}${' '.repeat(100)}`]) {
    assert.throws(() => parseJson(text), SyntaxError);
  }
});
