import { mkdir } from 'node:fs/promises';
import { selectBenchmarks } from '../benchmarks/registry.js';
import { defaultDataFolder } from '../cache-folder.js';
import { assetOf, benchmarkEntry, modelEntry, readCatalogue, splitEntry } from '../datasets/catalogue.js';
import type { Asset, BenchmarkEntry, Catalogue, SplitEntry } from '../datasets/catalogue-schema.js';
import { downloadSplit, megabytes } from '../downloads/download-split.js';
import { openDownloads } from '../downloads/downloads.js';
import { EXIT, messageOf, UserError, usageError } from '../errors.js';
import { openRequests } from '../fetch/http.js';
import { startByteProgress } from '../results/byte-progress.js';
import { type Align, renderTable } from '../results/table.js';
import { interruptible } from './interrupt.js';

export interface DownloadCommandOptions {
  dir?: string;
  split?: string;
  dryRun: boolean;
  offline: boolean;
}

/** `llavahr download model <names>`: checkpoints into the Hugging Face cache. Their folders are printed on stdout. */
export async function downloadModelsCommand(names: string, { offline }: { offline: boolean }): Promise<number> {
  const downloads = await openDownloads(offline);
  const interrupt = interruptible('Stopping; what was downloaded is kept.');
  try {
    for (const name of names.split(',')) {
      const entry = modelEntry(downloads.catalogue, name.trim());
      if (!entry) {
        const known = downloads.catalogue.models.map((model) => model.name).join(', ');
        throw usageError(`There is no model "${name}" in datasets.json. Available: ${known}.`);
      }
      console.error(`${name} from ${entry.repo} (licence: ${entry.licence})`);
      console.log((await downloads.model(entry, interrupt.signal)).folder);
    }
    return EXIT.done;
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
    console.error('Interrupted. The same command continues.');
    return EXIT.interrupted;
  } finally {
    interrupt.stop();
    await downloads.close();
  }
}

/** `llavahr download`: benchmarks into a folder each. The folders are printed on stdout. */
export async function downloadCommand(names: string, options: DownloadCommandOptions): Promise<number> {
  const catalogue = await readCatalogue();
  const root = options.dir ?? defaultDataFolder();
  const chosen = selectBenchmarks(names).map((definition) => {
    const entry = benchmarkEntry(catalogue, definition.name);
    return { definition, entry, split: splitEntry(entry, options.split) };
  });
  if (options.split !== undefined && chosen.length > 1) throw usageError('--split goes with a single benchmark.');
  if (options.dryRun) {
    console.log(dryRun(catalogue, chosen));
    return EXIT.done;
  }

  await mkdir(root, { recursive: true });
  const requests = openRequests({ offline: options.offline });
  const progress = startByteProgress(process.stderr);
  const interrupt = interruptible('Stopping; what was downloaded is kept.');
  const failures: UserError[] = [];
  try {
    for (const { definition, entry, split } of chosen) {
      console.error(`${entry.name} ${split.name} (licence: ${entry.licence.text})`);
      const tools = { catalogue, requests, root, signal: interrupt.signal, onProgress: progress.update };
      try {
        const done = await downloadSplit(definition, split, { ...tools, log: (line) => console.error(line) });
        console.log(done.folder);
        if (done.missingImages > 0) console.error(`${done.missingImages} images could not be had.`);
      } catch (error) {
        if (interrupt.signal.aborted) {
          console.error('Interrupted. The same command continues.');
          return EXIT.interrupted;
        }
        if (chosen.length === 1 || !(error instanceof UserError)) throw error;
        console.error(`error: ${entry.name}: ${messageOf(error)}`);
        failures.push(error);
      }
    }
  } finally {
    progress.stop();
    interrupt.stop();
    await requests.close();
  }
  return failures.length > 0 ? EXIT.failed : EXIT.done;
}

/** What would be fetched from where, and under which terms. */
function dryRun(catalogue: Catalogue, chosen: readonly { entry: BenchmarkEntry; split: SplitEntry }[]): string {
  const rows = chosen.flatMap(({ entry, split }) =>
    itemsOf(catalogue, split).map(({ what, from, size }) => [entry.name, split.name, what, size, from]),
  );
  const licences = chosen.map(({ entry: { name, licence } }) => {
    const doubt = licence.confidence === 'unverified' ? ' (not verified)' : '';
    return `${name}: ${licence.text}${doubt}`;
  });
  const align: Align[] = ['left', 'left', 'left', 'right', 'left'];
  return [
    renderTable(['benchmark', 'split', 'what', 'size', 'from'], rows, align),
    '',
    'Of archives marked "members" only what the questions ask about is fetched, where the server can send parts.',
    '',
    'Licences:',
    ...licences.map((line) => `  ${line}`),
  ].join('\n');
}

interface Item {
  what: string;
  from: string;
  size: string;
}

function itemsOf(catalogue: Catalogue, { files, images }: SplitEntry): Item[] {
  return [
    ...files.map(({ to, asset, member, bytes }): Item => {
      const source = assetOf(catalogue, asset);
      return member === undefined
        ? { what: to, from: address(source), size: sizeOf(source.bytes) }
        : { what: to, from: `${address(source)} (members)`, size: sizeOf(bytes) };
    }),
    ...images.map((way): Item => {
      if (way.kind === 'manual') return { what: `${way.to}/`, from: `by hand: ${way.page}`, size: sizeOf() };
      if (way.kind === 'addresses') return { what: `${way.to}/`, from: 'the address of each image', size: sizeOf() };
      const source = assetOf(catalogue, way.asset);
      if (way.kind === 'archive') return { what: way.to, from: address(source), size: sizeOf(source.bytes) };
      return { what: `${way.to}/`, from: `${address(source)} (members)`, size: `of ${sizeOf(source.bytes)}` };
    }),
  ];
}

function address({ urls, page }: Asset): string {
  return urls[0] ?? `by hand: ${page}`;
}

function sizeOf(bytes?: number): string {
  return bytes === undefined ? 'unknown' : megabytes(bytes);
}
