import assert from 'node:assert/strict';
import test from 'node:test';
import { pythonJson } from '../../src/shared/python-json.js';

test("values are written as by Python's json.dumps, on one line and indented", () => {
  const value = { a: [1, 'é\u2028"\\/\t\u007f\u0000', null, true], b: {}, c: [], d: [{ '\u{1F600}': -2 }] };
  // json.dumps(value), and json.dumps(value, indent=2), of Python 3.11
  assert.equal(
    pythonJson(value),
    '{"a": [1, "\\u00e9\\u2028\\"\\\\/\\t\\u007f\\u0000", null, true], "b": {}, "c": [], "d": [{"\\ud83d\\ude00": -2}]}',
  );
  assert.equal(
    pythonJson(value, 2),
    '{\n  "a": [\n    1,\n    "\\u00e9\\u2028\\"\\\\/\\t\\u007f\\u0000",\n    null,\n    true\n  ],\n  "b": {},\n  "c": [],\n' +
      '  "d": [\n    {\n      "\\ud83d\\ude00": -2\n    }\n  ]\n}',
  );
});
