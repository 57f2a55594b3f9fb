import assert from 'node:assert/strict';
import { test } from 'node:test';
import { byteSize, gigabytes, megabytes } from '../../src/shared/byte-size.js';

test('sizes are in decimal units, in GB from 1e9 bytes on', () => {
  assert.deepEqual([0, 49_999, 3_140_000, 999_900_000, 1e9, 2000e9].map(byteSize), [
    '0.0 MB',
    '0.0 MB',
    '3.1 MB',
    '999.9 MB',
    '1.0 GB',
    '2000.0 GB',
  ]);
  assert.equal(gigabytes(0.7 * 2 ** 30), '0.8');
  assert.equal(megabytes(1e9), '1000.0');
});
