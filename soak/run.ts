import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { soak } from './kill-points.js';
import { soakDownloads, soakExports } from './killed-folders.js';
import { soakGradings } from './killed-gradings.js';
import { canMakeHosts, soakLosses } from './lost-folders.js';

/*
 * `npm run soak [kills] [seed]`: kills the sample run 200 times by default, a download, an export and a grading a quarter as often, and
 * takes folders over from hosts that froze or died (a minute each; needs root). The printed seed reproduces the same moments.
 */

const kills = Number(process.argv[2] ?? 200);
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 31);
const fewer = Math.ceil(kills / 4);
const rounds = Math.ceil(kills / 50);
const root = await mkdtemp(join(tmpdir(), 'llavahr-soak-'));
console.log(`${kills} kills, seed ${seed}, in ${root}`);

async function timed(name: string, work: (folder: string) => Promise<string>): Promise<void> {
  const folder = join(root, name);
  await mkdir(folder);
  const start = performance.now();
  const outcome = await work(folder);
  console.log(`${outcome}; ${((performance.now() - start) / 60_000).toFixed(1)} min`);
  await rm(folder, { recursive: true });
}

await timed('runs', async (folder) => {
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
  return `${kills} kills (${interrupts} of them SIGINT) over ${runs} runs: all results equal the uninterrupted one`;
});

await timed('downloads', async (folder) => {
  let count = 0;
  const downloads = await soakDownloads({
    ...{ kills: fewer, seed, folder },
    onKill({ signal, changes, kept }) {
      console.log(`download ${++count}/${fewer} ${signal} after ${changes} changes: ${kept} files on disk`);
    },
  });
  return `${fewer} kills over ${downloads} downloads: all files equal the uninterrupted one's`;
});

await timed('exports', async (folder) => {
  let count = 0;
  const exports = await soakExports({
    ...{ kills: fewer, seed, folder },
    onKill({ signal, changes, kept }) {
      console.log(`export ${++count}/${fewer} ${signal} after ${changes} changes: ${kept} files on disk`);
    },
  });
  return `${fewer} kills over ${exports} exports: all files equal the uninterrupted one's`;
});

await timed('gradings', async (folder) => {
  let count = 0;
  const gradings = await soakGradings({
    ...{ kills: fewer, seed, folder },
    onKill({ signal, changes, kept }) {
      console.log(`grading ${++count}/${fewer} ${signal} after ${changes} changes: ${kept} grades on disk`);
    },
  });
  return `${fewer} kills over ${gradings} gradings: all grades and scores equal the uninterrupted one's`;
});

if (canMakeHosts()) {
  await timed('hosts', async (folder) => {
    let count = 0;
    await soakLosses({
      ...{ rounds, seed, folder },
      onRound({ loss, acknowledged, sameName }) {
        const names = sameName ? 'the same name' : 'another name';
        console.log(`takeover ${++count}/${rounds} from a ${loss} host of ${names}: ${acknowledged} answers on disk`);
      },
    });
    return `${rounds} takeovers: no folder had two owners, and no acknowledged answer was lost`;
  });
} else {
  console.log('Takeovers between hosts need root and unshare: left out.');
}
await rm(root, { recursive: true });
