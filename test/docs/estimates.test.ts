import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { evaluationCosts } from '../../bench/evaluation-costs.js';
import { PACKAGE_ROOT } from '../../src/shared/package-root.js';

test('the estimates of memory and time in devices.md are those that npm run bench -- costs prints', async () => {
  const page = readFileSync(join(PACKAGE_ROOT, 'docs', 'devices.md'), 'utf8').split('\n');
  const rows = (await evaluationCosts()).split('\n').filter((line) => line !== '');
  assert.ok(rows.length > 20);
  assert.deepEqual(
    rows.filter((row) => !page.includes(row)),
    [],
  );
});
