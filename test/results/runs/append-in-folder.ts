// Child of fenced-folder.test.ts: locks a folder, appends answers to its predictions file, and prints each acknowledged row.
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openPredictions } from '../../../src/results/runs/predictions.js';
import { messageOf } from '../../../src/shared/errors.js';
import { lockFolder } from '../../../src/shared/folder-lock.js';
import { answered } from '../samples.js';

const folder = process.argv[2]!;
const lock = await lockFolder(folder, { beatMs: 50 });
const file = await openPredictions(join(folder, 'predictions.jsonl'), lock);
try {
  for (let index = 0; index < 1000; index++) {
    await file.append([answered(index)]);
    writeSync(1, `${index}\n`);
    await sleep(5);
  }
  await file.finish();
  writeSync(1, 'finished\n');
} catch (error) {
  writeSync(1, `${messageOf(error)}\n`);
  process.exitCode = 1;
}
