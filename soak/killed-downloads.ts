import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { EXIT } from '../src/shared/errors.js';
import { assertSameAsSample, serveSample } from '../test/downloads/serve-sample.js';
import {
  countChanges,
  drawKillPoint,
  type Ended,
  expectSame,
  filesBelow,
  killAt,
  killed,
  randomDraw,
  startLlavahr,
  unexpected,
} from './processes.js';

/*
 * Repeatedly kills `llavahr download` at random moments and restarts it, from a server on this machine that sends files in
 * small pieces, until the download is complete.
 */

const BENCHMARK = 'textvqa';
const DRIP_BYTES = 40_000;
/** Has dates. */
const RECORD = 'downloads.json';

export interface KillOptions {
  kills: number;
  seed: number;
  /** Empty folder. */
  folder: string;
  onKill?: (report: { signal: NodeJS.Signals; changes: number; kept: number }) => void;
}

/** @throws Error when a file of a killed download differs, is missing or left over. @returns the completed downloads */
export async function soakDownloads({ kills, seed, folder, onKill }: KillOptions): Promise<number> {
  const source = await serveSample(BENCHMARK, { behave: () => ({ drip: DRIP_BYTES }) });
  try {
    source.catalogue.benchmarks.find(({ name }) => name === BENCHMARK)!.splits = [source.split];
    const datasets = join(folder, 'datasets.json');
    await writeFile(datasets, JSON.stringify(source.catalogue));
    const start = (data: string) => () =>
      startLlavahr(['download', BENCHMARK, '--dir', data], {
        LLAVAHR_DATASETS: datasets,
        LLAVAHR_CACHE: join(folder, 'cache'),
      });
    const undisturbed = join(folder, 'undisturbed');
    await mkdir(undisturbed);
    const { changes } = await countChanges(undisturbed, start(undisturbed));
    const expected = await filesBelow(undisturbed);

    const draw = randomDraw(seed);
    let downloads = 0;
    for (let done = 0; done < kills; downloads++) {
      const data = join(folder, 'killed');
      await mkdir(data);
      let ended: Ended;
      do {
        const at = drawKillPoint(draw, changes);
        ended = done < kills ? await killAt(data, start(data), at) : await start(data)().ended;
        if (killed(ended, at.signal)) {
          done++;
          onKill?.({ signal: at.signal, changes: at.changes, kept: (await filesBelow(data)).length });
        } else if (ended.code !== EXIT.done) {
          throw unexpected(ended);
        }
      } while (ended.code !== EXIT.done);
      const found = await filesBelow(data);
      if (!isDeepStrictEqual(found, expected)) {
        await cp(data, `${data}.different`, { recursive: true });
        throw new Error(`other files than in ${undisturbed}: ${data}.different`);
      }
      for (const name of expected) {
        if (!name.endsWith(RECORD)) await expectSame(join(data, name), join(undisturbed, name));
      }
      await assertSameAsSample(BENCHMARK, join(data, BENCHMARK));
      await rm(data, { recursive: true });
    }
    await rm(undisturbed, { recursive: true });
    return downloads;
  } finally {
    await source.server.close();
    await rm(source.root, { recursive: true });
  }
}
