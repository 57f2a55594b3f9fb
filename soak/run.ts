import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { soak } from './kill-points.js';

/*
 * `npm run soak [kills] [seed]`: kills the sample run 200 times by default. The printed seed reproduces the same
 * moments.
 */

const kills = Number(process.argv[2] ?? 200);
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 31);
const folder = await mkdtemp(join(tmpdir(), 'llavahr-soak-'));
console.log(`${kills} kills, seed ${seed}, in ${folder}`);
const start = performance.now();
let count = 0;
const { interrupts, runs } = await soak({
  args: ['textvqa', '--resolution', '128', '--batch-size', '2'],
  kills,
  seed,
  folder,
  onKill({ signal, changes, answers }) {
    console.log(`${++count}/${kills} ${signal} after ${changes} changes: ${answers} answers on disk`);
  },
});
const minutes = ((performance.now() - start) / 60_000).toFixed(1);
console.log(
  `${kills} kills (${interrupts} of them SIGINT) over ${runs} runs: all results equal the uninterrupted one; ${minutes} min`,
);
await rm(folder, { recursive: true });
