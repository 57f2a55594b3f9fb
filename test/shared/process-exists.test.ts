import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { processExists } from '../../src/shared/process-exists.js';

test('a process exists until it has ended', async () => {
  assert.equal(processExists(process.pid), true);
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  assert.equal(processExists(child.pid!), true);
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.equal(processExists(child.pid!), false);
});
