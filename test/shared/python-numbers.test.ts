import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parsePythonList } from '../../src/shared/python-literal.js';
import { pyFloat, pyRound2 } from '../../src/shared/python-numbers.js';
import { projectRoot } from '../fixtures.js';

test("numbers are rounded to two decimals like Python's round", () => {
  const path = join(projectRoot, 'test', 'fixtures', 'metrics', 'python-round.json');
  const { cases } = JSON.parse(readFileSync(path, 'utf8')) as { cases: [number, number][] };
  for (const [number, rounded] of cases) assert.equal(pyRound2(number), rounded, String(number));
});

test("numbers are read like Python's float", () => {
  for (const [text, number] of [
    [' 1_000.5\n', 1000.5],
    ['\u0661\u0662', 12],
    ['\u{1d7da}', 2],
    ['1e3', 1000],
    ['-inf', Number.NEGATIVE_INFINITY],
    ['nan', Number.NaN],
    ['', null],
    ['0x10', null],
    ['1__0', null],
    ['1,000', null],
    ['\ufeff1', null],
  ] as const) {
    assert.equal(pyFloat(text), number, JSON.stringify(text));
  }
});

test('lists are read as Python writes them', () => {
  for (const [text, items] of [
    ['[]', []],
    [`['a', "it's", 'say "no"', 2, None]`, ['a', "it's", 'say "no"', '2', 'None']],
    [String.raw`['\n\t\\', '\x41\u00e9\U0001f600']`, ['\n\t\\', 'A\u00e9\u{1f600}']],
    [`['$\\\\frac{1}{2}$',]`, ['$\\frac{1}{2}$']],
    ["['a' 'b']", null],
    ["['a'", null],
    ["['a]", null],
    ['a, b', null],
    ["__import__('os')", null],
    ["['\\U99999999']", null],
  ] as const) {
    assert.deepEqual(parsePythonList(text), items, text);
  }
});
