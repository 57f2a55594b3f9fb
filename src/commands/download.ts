import { mkdir } from 'node:fs/promises';
import { selectBenchmarks } from '../benchmarks/registry.js';
import { defaultDataFolder } from '../cache-folder.js';
import { assetOf, benchmarkEntry, modelEntry, readCatalogue, splitEntry } from '../datasets/catalogue.js';
import type {
  Asset,
  BenchmarkEntry,
  Catalogue,
  ImageSourceEntry,
  MirrorEntry,
  SplitEntry,
  SplitFile,
} from '../datasets/catalogue-schema.js';
import { downloadSplit } from '../downloads/download-split.js';
import { openDownloads, trafficLine } from '../downloads/downloads.js';
import { type ImageOrigin, megabytes } from '../downloads/split-job.js';
import { startTransferProgress } from '../downloads/transfer-progress.js';
import { EXIT, messageOf, UserError, usageError } from '../errors.js';
import { openRequests } from '../fetch/http.js';
import { messageStream, say } from '../log.js';
import { type Align, renderTable } from '../results/table.js';
import { interruptible } from './interrupt.js';

export interface DownloadCommandOptions {
  dir?: string;
  split?: string;
  source: ImageOrigin;
  update: boolean;
  dryRun: boolean;
  offline: boolean;
}

/** `llavahr download model <names>`: checkpoints into the Hugging Face cache. Their folders are printed on stdout. */
export async function downloadModelsCommand(
  names: string,
  { offline, update }: Pick<DownloadCommandOptions, 'offline' | 'update'>,
): Promise<number> {
  const downloads = await openDownloads(offline);
  const interrupt = interruptible('Stopping; what was downloaded is kept.');
  try {
    for (const name of names.split(',')) {
      const entry = modelEntry(downloads.catalogue, name.trim());
      if (!entry) {
        const known = downloads.catalogue.models.map((model) => model.name).join(', ');
        throw usageError(`There is no model "${name}" in datasets.json. Available: ${known}.`);
      }
      say('info', `${name} from ${entry.repo} (licence: ${entry.licence})`);
      console.log((await downloads.model(entry, update ? 'take' : 'tell', interrupt.signal)).folder);
    }
    return EXIT.done;
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
    say('warn', 'Interrupted. The same command continues.');
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
    console.log(dryRun(catalogue, chosen, options.source));
    return EXIT.done;
  }

  await mkdir(root, { recursive: true });
  const requests = openRequests({ offline: options.offline });
  const interrupt = interruptible('Stopping; what was downloaded is kept.');
  const failures: UserError[] = [];
  try {
    for (const { definition, entry, split } of chosen) {
      const progress = startTransferProgress(messageStream());
      progress.log(`${entry.name} ${split.name} (licence: ${entry.licence.text})`);
      const upstream = options.update ? 'take' : 'tell';
      const { signal } = interrupt;
      const tools = { catalogue, requests, root, signal, progress, origin: options.source, upstream } as const;
      try {
        const done = await downloadSplit(definition, split, tools).finally(progress.stop);
        console.log(done.folder);
        say('info', trafficLine(done.transferredBytes, done.savedBytes));
        if (done.missingImages > 0) say('info', `${done.missingImages} images could not be had.`);
      } catch (error) {
        if (interrupt.signal.aborted) {
          say('warn', 'Interrupted. The same command continues.');
          return EXIT.interrupted;
        }
        if (chosen.length === 1 || !(error instanceof UserError)) throw error;
        say('error', `error: ${entry.name}: ${messageOf(error)}`);
        failures.push(error);
      }
    }
  } finally {
    interrupt.stop();
    await requests.close();
  }
  return failures.length > 0 ? EXIT.failed : EXIT.done;
}

/** What would be fetched from where, and under which terms. */
function dryRun(
  catalogue: Catalogue,
  chosen: readonly { entry: BenchmarkEntry; split: SplitEntry }[],
  origin: ImageOrigin,
): string {
  const rows = chosen.flatMap(({ entry, split }) =>
    itemsOf(catalogue, split, origin).map(({ what, from, size }) => [entry.name, split.name, what, size, from]),
  );
  const licences = chosen.map(({ entry: { name, licence } }) => {
    const doubt = licence.confidence === 'unverified' ? ' (not verified)' : '';
    return `${name}: ${licence.text}${doubt}`;
  });
  const align: Align[] = ['left', 'left', 'left', 'right', 'left'];
  return [
    renderTable(['benchmark', 'split', 'what', 'size', 'from'], rows, align),
    '',
    'Of archives marked "members", and of parquet files, only what the questions ask about is fetched, where the server',
    'can send parts.',
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

function itemsOf(catalogue: Catalogue, { files, images, mirror }: SplitEntry, origin: ImageOrigin): Item[] {
  return [
    ...files.map((file) => itemOfFile(catalogue, file)),
    ...(origin === 'hf' ? [itemOfMirror(mirror)] : images.map((way) => itemOfImages(catalogue, way))),
  ];
}

function itemOfFile(catalogue: Catalogue, { to, asset, member, bytes }: SplitFile): Item {
  const source = assetOf(catalogue, asset);
  return member === undefined
    ? { what: to, from: address(source), size: sizeOf(source.bytes) }
    : { what: to, from: `${address(source)} (members)`, size: sizeOf(bytes) };
}

function itemOfImages(catalogue: Catalogue, way: ImageSourceEntry): Item {
  if (way.kind === 'manual') return { what: `${way.to}/`, from: `by hand: ${way.page}`, size: sizeOf() };
  if (way.kind === 'addresses') return { what: `${way.to}/`, from: 'the address of each image', size: sizeOf() };
  const source = assetOf(catalogue, way.asset);
  if (way.kind === 'archive') return { what: way.to, from: address(source), size: sizeOf(source.bytes) };
  return { what: `${way.to}/`, from: `${address(source)} (members)`, size: `of ${sizeOf(source.bytes)}` };
}

function itemOfMirror(mirror: MirrorEntry | undefined): Item {
  if (!mirror) return { what: 'images', from: 'no mirror: take --source official', size: sizeOf() };
  const { to, repos, bytes } = mirror;
  return { what: `${to}/`, from: `parquet files of ${repos[0]}`, size: `of ${sizeOf(bytes)}` };
}

function address({ urls, page }: Asset): string {
  return urls[0] ?? `by hand: ${page}`;
}

function sizeOf(bytes?: number): string {
  return bytes === undefined ? 'unknown' : megabytes(bytes);
}
