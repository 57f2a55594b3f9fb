// Child of predictions.test.ts: continues a predictions file and prints every row once it is acknowledged.
import { writeSync } from 'node:fs';
import { openPredictions } from '../../../src/results/runs/predictions.js';
import { answered } from '../samples.js';

const file = await openPredictions(process.argv[2]!);
writeSync(1, 'open\n');
for (let index = 0; ; ) {
  const batch: number[] = [];
  const size = 1 + Math.floor(Math.random() * 40);
  for (; batch.length < size; index++) if (!file.answers.has(index)) batch.push(index);
  await file.append(batch.map((row) => answered(row)));
  writeSync(1, `${batch.join('\n')}\n`);
}
