import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import test from 'node:test';

/** What a program prints that makes requests of a watched process and has nothing else to wait for. */
function answersTo(...requests: string[]): string[] {
  const program = `
    import { startWatchedProcess } from ${JSON.stringify(new URL('../../src/shared/watched-process.js', import.meta.url).href)};
    const child = startWatchedProcess(new URL(${JSON.stringify(new URL('watched-process-child.js', import.meta.url).href)}), {
      heapMegabytes: 64,
      stallMs: 20_000,
      endedError: (how) => new Error(how),
      failureError: ({ message }) => new Error('failed: ' + message),
    });
    for (const request of ${JSON.stringify(requests)}) {
      console.log(await child.ask(request).catch((error) => error.message));
    }`;
  const { status, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  assert.equal(status, 0, stdout);
  return stdout.trimEnd().split('\n');
}

test('requests are answered or fail, and an idle process does not keep its parent running', () => {
  assert.deepEqual(answersTo('hello', 'fail', 'again'), ['hello', 'failed: no such request', 'again']);
});

test('a process that ends after its connection has closed is reported, also to a parent that only waits for it', () => {
  const crash = 'crashed the reader process (code 7)';
  assert.deepEqual(answersTo('hello', 'crash', 'hello'), ['hello', crash, crash]);
});
