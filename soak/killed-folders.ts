import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SAMPLE_MODEL } from '../src/evaluation/sample.js';
import { assertSameAsSample, serveSample } from '../test/downloads/serve-sample.js';
import {
  countChanges,
  expectSame,
  filesBelow,
  killUntilDone,
  type Running,
  randomDraw,
  startLlavahr,
} from './processes.js';

/*
 * Repeatedly kills `llavahr download` and `llavahr export` at random moments and restarts them until the folder is complete.
 * Downloads come from a server on this machine that sends files in small pieces.
 */

const BENCHMARK = 'textvqa';
const DRIP_BYTES = 40_000;
/** A file with the times of its downloads. */
const DATED = 'downloads.json';

export interface KillOptions {
  kills: number;
  seed: number;
  /** Empty folder. */
  folder: string;
  onKill?: (report: { signal: NodeJS.Signals; changes: number; kept: number }) => void;
}

/** @throws Error when a file of a killed download differs, is missing or left over. @returns the completed downloads */
export async function soakDownloads(options: KillOptions): Promise<number> {
  const { folder } = options;
  const source = await serveSample(BENCHMARK, { behave: () => ({ drip: DRIP_BYTES }) });
  try {
    source.catalogue.benchmarks.find(({ name }) => name === BENCHMARK)!.splits = [source.split];
    const datasets = join(folder, 'datasets.json');
    await writeFile(datasets, JSON.stringify(source.catalogue));
    const env = { LLAVAHR_DATASETS: datasets, LLAVAHR_CACHE: join(folder, 'cache') };
    return await killUntilComplete(options, {
      start: (data) => startLlavahr(['download', BENCHMARK, '--dir', data], env),
      check: (data) => assertSameAsSample(BENCHMARK, join(data, BENCHMARK)),
    });
  } finally {
    await source.server.close();
    await rm(source.root, { recursive: true });
  }
}

/** @throws Error when a file of a killed export differs, is missing or left over. @returns the completed exports */
export function soakExports(options: KillOptions): Promise<number> {
  return killUntilComplete(options, {
    start: (output) =>
      startLlavahr(['export', SAMPLE_MODEL, '--resolution', '256,512', '--output', join(output, 'model')], {}),
  });
}

interface Killed {
  /** Starts what fills a folder, or continues to fill it. */
  start: (output: string) => Running;
  /** Looks at a filled folder. */
  check?: (output: string) => Promise<void>;
}

async function killUntilComplete(
  { kills, seed, folder, onKill }: KillOptions,
  { start, check }: Killed,
): Promise<number> {
  const undisturbed = join(folder, 'undisturbed');
  await mkdir(undisturbed);
  const { changes } = await countChanges(undisturbed, () => start(undisturbed));
  const expected = await filesBelow(undisturbed);

  const draw = randomDraw(seed);
  let completed = 0;
  for (let done = 0; done < kills; completed++) {
    const output = join(folder, 'killed');
    await mkdir(output);
    done += await killUntilDone({
      ...{ folder: output, start: () => start(output), changes, draw, kills: kills - done },
      async onKill(at) {
        onKill?.({ signal: at.signal, changes: at.changes, kept: (await filesBelow(output)).length });
      },
    });
    const found = await filesBelow(output);
    const different = [...new Set([...found, ...expected])].filter(
      (one) => found.includes(one) !== expected.includes(one),
    );
    if (different.length > 0) {
      await cp(output, `${output}.different`, { recursive: true });
      throw new Error(`only in one of ${output}.different and ${undisturbed}: ${different.join(', ')}`);
    }
    for (const name of expected) {
      if (!name.endsWith(DATED)) await expectSame(join(output, name), join(undisturbed, name));
    }
    await check?.(output);
    await rm(output, { recursive: true });
  }
  await rm(undisturbed, { recursive: true });
  return completed;
}
