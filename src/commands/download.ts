import type { BenchmarkDefinition } from '../benchmarks/benchmark.js';
import {
  assetOf,
  benchmarkEntry,
  modelEntry,
  readCatalogue,
  splitEntry,
  withOwnDownloads,
} from '../datasets/catalogue.js';
import type {
  Asset,
  BenchmarkEntry,
  Catalogue,
  HubEntry,
  ImageSourceEntry,
  MirrorEntry,
  ModelEntry,
  SplitEntry,
  SplitFile,
} from '../datasets/catalogue-schema.js';
import { downloadSplit } from '../downloads/download-split.js';
import { noteOf, openDownloads, trafficLine } from '../downloads/downloads.js';
import type { ImageOrigin } from '../downloads/split-job.js';
import { openRequests } from '../fetch/http.js';
import { byteSize } from '../shared/byte-size.js';
import { defaultDataFolder } from '../shared/cache-folder.js';
import { EXIT, messageOf, UserError, usageError } from '../shared/errors.js';
import { didYouMean } from '../shared/known-names.js';
import { messageStream, say } from '../shared/log.js';
import { makeFolder } from '../shared/make-folder.js';

import { wrapText } from '../shared/wrap-text.js';
import { terminalWidth } from '../terminal/style.js';
import { type Align, renderTable } from '../terminal/table.js';
import { startTransferProgress } from '../terminal/transfer-progress.js';
import { interruptible } from './interrupt.js';
import {
  type DownloadedBenchmark,
  type DownloadJson,
  type DownloadPlan,
  type PlannedItem,
  type PlannedSize,
  printJson,
} from './json-output.js';
import { benchmarksNamed } from './name-benchmarks.js';

export interface DownloadCommandOptions {
  dir?: string;
  split?: string;
  source: ImageOrigin;
  update: boolean;
  verify: boolean;
  dryRun: boolean;
  offline: boolean;
  json: boolean;
}

/** `llavahr download model <names>`: downloads checkpoints to the Hugging Face cache and prints their folders. */
export async function downloadModelsCommand(
  names: string | undefined,
  further: readonly string[],
  { offline, update, verify, json, split, dir, dryRun, source }: DownloadCommandOptions,
): Promise<number> {
  if (split !== undefined || dir !== undefined || dryRun || source !== 'official') {
    throw usageError(
      '--split, --dir, --dry-run and --source are for benchmarks; models go into the Hugging Face cache.',
    );
  }
  const catalogue = await readCatalogue();
  const entries = modelsNamed(catalogue, names, further);
  const downloads = await openDownloads(offline, catalogue);
  const interrupt = interruptible('Stopping. Everything downloaded so far is kept.');
  const models: { model: string; folder: string }[] = [];
  try {
    for (const entry of entries) {
      say('info', `${entry.name} from ${entry.repo} (licence: ${entry.licence})`);
      const { folder } = await downloads.model(entry, update ? 'take' : 'tell', interrupt.signal, verify);
      models.push({ model: entry.name, folder });
      if (!json) console.log(folder);
    }
    if (json) printJson<DownloadJson>({ models });
    return EXIT.done;
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
    say('warn', 'Interrupted. Rerun the same command to resume.');
    return EXIT.interrupted;
  } finally {
    interrupt.stop();
    await downloads.close();
  }
}

/** @throws UserError (usage) when a name is missing or unknown, or names are not one list */
function modelsNamed(catalogue: Catalogue, names: string | undefined, further: readonly string[]): ModelEntry[] {
  const known = catalogue.models.map(({ name }) => name);
  const available = `Available: ${known.join(', ')}.`;
  if (names === undefined) throw usageError(`Name the model: llavahr download model ${known[0]}. ${available}`);
  const list = [names, ...further].flatMap((name) => name.split(',')).filter((name) => name !== '');
  if (further.length > 0) {
    throw usageError(`Separate several models with commas, without spaces: llavahr download model ${list.join(',')}`);
  }
  return list.map((name) => {
    const entry = modelEntry(catalogue, name.trim());
    if (entry) return entry;
    throw usageError(`Unknown model "${name}".${didYouMean(name, known)} ${available}`);
  });
}

/** `llavahr download`: downloads each benchmark to its own folder and prints the folders. */
export async function downloadCommand(names: string, options: DownloadCommandOptions): Promise<number> {
  const definitions = await benchmarksNamed(names, (model) => `llavahr download model ${model}`);
  const catalogue = withOwnDownloads(await readCatalogue(), definitions);
  const root = options.dir ?? defaultDataFolder();
  const chosen = definitions.map((definition) => {
    if (definition.downloads === null) throw noDownloads(definition);
    const entry = benchmarkEntry(catalogue, definition.name);
    return { definition, entry, split: splitEntry(entry, options.split) };
  });
  if (options.split !== undefined && chosen.length > 1)
    throw usageError('--split can only be used with a single benchmark.');
  if (options.dryRun) {
    if (options.json) printJson<DownloadJson>({ benchmarks: plans(catalogue, chosen, options.source) });
    else console.log(dryRun(plans(catalogue, chosen, options.source)));
    return EXIT.done;
  }

  await makeFolder(root);
  const requests = openRequests({ offline: options.offline });
  const interrupt = interruptible('Stopping. Everything downloaded so far is kept.');
  const results: DownloadedBenchmark[] = [];
  let failures = 0;
  try {
    for (const { definition, entry, split } of chosen) {
      const progress = startTransferProgress(messageStream());
      progress.log(`${entry.name} ${split.name} (licence: ${entry.licence.text})`);
      const note = noteOf(definition, split.name);
      if (note !== undefined) progress.log(`Note: ${note}`);
      const upstream = options.update ? 'take' : 'tell';
      const { signal } = interrupt;
      const tools = {
        catalogue,
        requests,
        root,
        signal,
        progress,
        origin: options.source,
        upstream,
        verify: options.verify,
      } as const;
      try {
        const done = await downloadSplit(definition, split, tools).finally(progress.stop);
        results.push({ benchmark: entry.name, split: split.name, ...done });
        if (!options.json) console.log(done.folder);
        say('info', trafficLine(done.transferredBytes, done.savedBytes));
        if (done.missingImages > 0) say('info', `${done.missingImages} images could not be downloaded.`);
      } catch (error) {
        if (interrupt.signal.aborted) {
          say('warn', 'Interrupted. Rerun the same command to resume.');
          return EXIT.interrupted;
        }
        if (chosen.length === 1 || !(error instanceof UserError)) throw error;
        say('error', `error: ${entry.name}: ${messageOf(error)}`);
        results.push({ benchmark: entry.name, split: split.name, error: messageOf(error) });
        failures++;
      }
    }
  } finally {
    interrupt.stop();
    await requests.close();
  }
  if (options.json) printJson<DownloadJson>({ benchmarks: results });
  return failures > 0 ? EXIT.failed : EXIT.done;
}

function noDownloads({ name, taskFile }: BenchmarkDefinition): UserError {
  return usageError(`${taskFile?.path ?? name} has no downloads: its splits have no field "downloads".`);
}

function plans(
  catalogue: Catalogue,
  chosen: readonly { definition: BenchmarkDefinition; entry: BenchmarkEntry; split: SplitEntry }[],
  origin: ImageOrigin,
): DownloadPlan[] {
  return chosen.map(({ definition, entry: { name, licence }, split }) => {
    const items = itemsOf(catalogue, split, origin);
    const note = noteOf(definition, split.name) ?? null;
    return { benchmark: name, split: split.name, licence, note, items, total: totalOf(items) };
  });
}

/** A file that several items come from counts once. */
function totalOf(items: readonly PlannedItem[]): PlannedSize {
  const total = { bytes: 0, bytesInPart: 0, unknown: 0 };
  const counted = new Set<string>();
  for (const { from, bytes, inPart } of items) {
    if (bytes === null) total.unknown++;
    else if (!inPart) total.bytes += bytes;
    else if (!counted.has(from)) total.bytesInPart += bytes;
    counted.add(from);
  }
  return total;
}

function totalText({ bytes, bytesInPart, unknown }: PlannedSize): string {
  const parts = [
    ...(bytes > 0 ? [byteSize(bytes)] : []),
    ...(bytesInPart > 0 ? [`the images used of ${byteSize(bytesInPart)}`] : []),
    ...(unknown > 0 ? [`${unknown} ${unknown === 1 ? 'item' : 'items'} of unknown size`] : []),
  ];
  return parts.join(', ');
}

function dryRun(planned: readonly DownloadPlan[]): string {
  const sources = [...new Set(planned.flatMap(({ items }) => items.map(({ from }) => from)))];
  const rows = planned.flatMap(({ benchmark, split, items }) =>
    items.map(({ what, from, bytes, inPart }) => {
      const size = bytes === null ? 'unknown' : byteSize(bytes);
      const source = `[${sources.indexOf(from) + 1}]`;
      return [benchmark, split, what, inPart && bytes !== null ? `of ${size}` : size, source];
    }),
  );
  const licences = planned.map(({ benchmark, licence }) => {
    const doubt = licence.confidence === 'unverified' ? ' (not verified)' : '';
    return `${benchmark}: ${licence.text}${doubt}`;
  });
  const notes = planned.flatMap(({ benchmark, split, note }) =>
    note === null ? [] : [`${benchmark} ${split}: ${note}`],
  );
  const align: Align[] = ['left', 'left', 'left', 'right', 'left'];
  return [
    renderTable(['benchmark', 'split', 'what', 'size', 'from'], rows, align, { keys: 3 }),
    '',
    ...sources.map((source, i) => `[${i + 1}] ${source}`), // not wrapped, so that addresses can be copied
    '',
    'Total:',
    ...planned.map(({ benchmark, split, total }) => `  ${benchmark} ${split}: ${totalText(total)}`),
    '',
    wrapText(
      'From archives marked "members" and from Parquet mirrors, only the images that the questions use are downloaded, ' +
        'provided the server supports range requests.',
      terminalWidth,
    ),
    '',
    'Licences:',
    ...licences.map((line) => wrapText(`  ${line}`, terminalWidth)),
    ...(notes.length > 0 ? ['', 'Notes:', ...notes.map((line) => wrapText(`  ${line}`, terminalWidth))] : []),
  ].join('\n');
}

function itemsOf(catalogue: Catalogue, { files, images, mirror, hub }: SplitEntry, origin: ImageOrigin): PlannedItem[] {
  return [
    ...files.map((file) => itemOfFile(catalogue, file)),
    ...(hub ? [itemOfHub(hub)] : []),
    ...(origin === 'hf' && !hub ? [itemOfMirror(mirror)] : images.map((way) => itemOfImages(catalogue, way))),
  ];
}

function itemOfFile(catalogue: Catalogue, { to, asset, member, bytes }: SplitFile): PlannedItem {
  const source = assetOf(catalogue, asset);
  return member === undefined
    ? { what: to, from: address(source), bytes: source.bytes ?? null, inPart: false }
    : { what: to, from: `${address(source)} (members)`, bytes: bytes ?? null, inPart: false };
}

function itemOfImages(catalogue: Catalogue, way: ImageSourceEntry): PlannedItem {
  if (way.kind === 'manual')
    return { what: `${way.to}/`, from: `manual download: ${way.page}`, bytes: null, inPart: false };
  if (way.kind === 'addresses') return { what: `${way.to}/`, from: "each image's URL", bytes: null, inPart: false };
  const source = assetOf(catalogue, way.asset);
  if (way.kind === 'archive')
    return { what: way.to, from: address(source), bytes: source.bytes ?? null, inPart: false };
  return { what: `${way.to}/`, from: `${address(source)} (members)`, bytes: source.bytes ?? null, inPart: true };
}

function itemOfHub({ repos, files, bytes }: HubEntry): PlannedItem {
  return { what: 'questions and images', from: `${repos[0]}: ${files}`, bytes: bytes ?? null, inPart: false };
}

function itemOfMirror(mirror: MirrorEntry | undefined): PlannedItem {
  if (!mirror) return { what: 'images', from: 'no mirror; use --source official', bytes: null, inPart: false };
  const { to, repos, bytes } = mirror;
  return { what: `${to}/`, from: `Parquet files of ${repos[0]}`, bytes: bytes ?? null, inPart: true };
}

function address({ urls, page }: Asset): string {
  return urls[0] ?? `manual download: ${page}`;
}
