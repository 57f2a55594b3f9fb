import assert from 'node:assert/strict';
import test from 'node:test';
import { shortPaths } from '../../src/shared/short-paths.js';

test('paths are told apart by their ends', () => {
  assert.deepEqual(shortPaths(['/d/ids.json', '/d/a/test.json', '/d/b/test.json', '/e/b/x.json']), [
    'ids.json',
    'a/test.json',
    'b/test.json',
    'x.json',
  ]);
  assert.deepEqual(shortPaths(['/a/c/t', '/b/c/t', '/t']), ['a/c/t', 'b/c/t', '/t']);
  assert.deepEqual(shortPaths(['/a', '/a']), ['/a', '/a']);
});
