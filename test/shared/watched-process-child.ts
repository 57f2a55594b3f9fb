import { answerParent } from '../../src/shared/watched-process.js';

/*
 * A process for the test of watched processes: echoes "hello", fails on "fail", and on "crash" loses its connection
 * some time before it ends, as a process that runs out of memory may.
 */

answerParent<string, string>(async (request) => {
  if (request === 'fail') throw new Error('no such request');
  if (request === 'crash') {
    process.removeAllListeners('disconnect');
    process.disconnect();
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
    process.exit(7);
  }
  return request;
});
