// Child of run-folder.test.ts: opens the run of samples.ts below a folder, prints what happened, and holds it until it is killed.

import { openRun } from '../../../src/results/runs/run-folder.js';
import { messageOf } from '../../../src/shared/errors.js';
import { identity } from '../samples.js';

try {
  const opened = await openRun(process.argv[2]!, identity, { argv: [], settings: {} });
  console.log(opened.state);
  if (opened.state === 'open') {
    opened.run.startClock();
    setInterval(() => {}, 1000);
  }
} catch (error) {
  console.log(messageOf(error));
}
