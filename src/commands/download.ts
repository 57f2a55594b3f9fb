import { selectBenchmarks } from '../benchmarks/registry.js';
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
import { downloadSplit, type SplitDownload } from '../downloads/download-split.js';
import { openDownloads, trafficLine } from '../downloads/downloads.js';
import type { ImageOrigin } from '../downloads/split-job.js';
import { openRequests } from '../fetch/http.js';
import { byteSize } from '../shared/byte-size.js';
import { defaultDataFolder } from '../shared/cache-folder.js';
import { EXIT, messageOf, UserError, usageError } from '../shared/errors.js';
import { messageStream, say } from '../shared/log.js';
import { makeFolder } from '../shared/make-folder.js';
import { wrapText } from '../shared/wrap-text.js';
import { terminalWidth } from '../terminal/style.js';
import { type Align, renderTable } from '../terminal/table.js';
import { startTransferProgress } from '../terminal/transfer-progress.js';
import { interruptible } from './interrupt.js';

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
  names: string,
  { offline, update, verify, json, split, dir, dryRun, source }: DownloadCommandOptions,
): Promise<number> {
  if (split !== undefined || dir !== undefined || dryRun || source !== 'official') {
    throw usageError(
      '--split, --dir, --dry-run and --source are for benchmarks; models go into the Hugging Face cache.',
    );
  }
  const downloads = await openDownloads(offline);
  const interrupt = interruptible('Stopping. Everything downloaded so far is kept.');
  const models: { model: string; folder: string }[] = [];
  try {
    for (const name of names.split(',')) {
      const entry = modelEntry(downloads.catalogue, name.trim());
      if (!entry) {
        const known = downloads.catalogue.models.map((model) => model.name).join(', ');
        throw usageError(`Unknown model "${name}". Available: ${known}.`);
      }
      say('info', `${name} from ${entry.repo} (licence: ${entry.licence})`);
      const { folder } = await downloads.model(entry, update ? 'take' : 'tell', interrupt.signal, verify);
      models.push({ model: entry.name, folder });
      if (!json) console.log(folder);
    }
    if (json) printJson({ models });
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

/** `llavahr download`: downloads each benchmark to its own folder and prints the folders. */
export async function downloadCommand(names: string, options: DownloadCommandOptions): Promise<number> {
  const catalogue = await readCatalogue();
  const root = options.dir ?? defaultDataFolder();
  const chosen = selectBenchmarks(names).map((definition) => {
    const entry = benchmarkEntry(catalogue, definition.name);
    return { definition, entry, split: splitEntry(entry, options.split) };
  });
  if (options.split !== undefined && chosen.length > 1)
    throw usageError('--split can only be used with a single benchmark.');
  if (options.dryRun) {
    if (options.json) printJson({ benchmarks: plans(catalogue, chosen, options.source) });
    else console.log(dryRun(plans(catalogue, chosen, options.source)));
    return EXIT.done;
  }

  await makeFolder(root);
  const requests = openRequests({ offline: options.offline });
  const interrupt = interruptible('Stopping. Everything downloaded so far is kept.');
  const results: ({ benchmark: string; split: string } & (SplitDownload | { error: string }))[] = [];
  let failures = 0;
  try {
    for (const { definition, entry, split } of chosen) {
      const progress = startTransferProgress(messageStream());
      progress.log(`${entry.name} ${split.name} (licence: ${entry.licence.text})`);
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
  if (options.json) printJson({ benchmarks: results });
  return failures > 0 ? EXIT.failed : EXIT.done;
}

function printJson(content: object): void {
  console.log(JSON.stringify({ schemaVersion: 1, ...content }, null, 2));
}

/** What a download of a split would fetch. */
interface DownloadPlan {
  benchmark: string;
  split: string;
  licence: BenchmarkEntry['licence'];
  items: Item[];
}

function plans(
  catalogue: Catalogue,
  chosen: readonly { entry: BenchmarkEntry; split: SplitEntry }[],
  origin: ImageOrigin,
): DownloadPlan[] {
  return chosen.map(({ entry: { name, licence }, split }) => ({
    benchmark: name,
    split: split.name,
    licence,
    items: itemsOf(catalogue, split, origin),
  }));
}

function dryRun(planned: readonly DownloadPlan[]): string {
  const rows = planned.flatMap(({ benchmark, split, items }) =>
    items.map(({ what, from, bytes, inPart }) => {
      const size = bytes === null ? 'unknown' : byteSize(bytes);
      return [benchmark, split, what, inPart && bytes !== null ? `of ${size}` : size, from];
    }),
  );
  const licences = planned.map(({ benchmark, licence }) => {
    const doubt = licence.confidence === 'unverified' ? ' (not verified)' : '';
    return `${benchmark}: ${licence.text}${doubt}`;
  });
  const align: Align[] = ['left', 'left', 'left', 'right', 'left'];
  return [
    renderTable(['benchmark', 'split', 'what', 'size', 'from'], rows, align, { keys: 3 }),
    '',
    wrapText(
      'From archives marked "members" and from Parquet files, only the images that the questions use are downloaded, ' +
        'provided the server supports range requests.',
      terminalWidth,
    ),
    '',
    'Licences:',
    ...licences.map((line) => wrapText(`  ${line}`, terminalWidth)),
  ].join('\n');
}

interface Item {
  what: string;
  from: string;
  /** Null if unknown. */
  bytes: number | null;
  /** Whether only parts of the file, whose size is `bytes`, are downloaded. */
  inPart: boolean;
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
    ? { what: to, from: address(source), bytes: source.bytes ?? null, inPart: false }
    : { what: to, from: `${address(source)} (members)`, bytes: bytes ?? null, inPart: false };
}

function itemOfImages(catalogue: Catalogue, way: ImageSourceEntry): Item {
  if (way.kind === 'manual')
    return { what: `${way.to}/`, from: `manual download: ${way.page}`, bytes: null, inPart: false };
  if (way.kind === 'addresses') return { what: `${way.to}/`, from: "each image's URL", bytes: null, inPart: false };
  const source = assetOf(catalogue, way.asset);
  if (way.kind === 'archive')
    return { what: way.to, from: address(source), bytes: source.bytes ?? null, inPart: false };
  return { what: `${way.to}/`, from: `${address(source)} (members)`, bytes: source.bytes ?? null, inPart: true };
}

function itemOfMirror(mirror: MirrorEntry | undefined): Item {
  if (!mirror) return { what: 'images', from: 'no mirror; use --source official', bytes: null, inPart: false };
  const { to, repos, bytes } = mirror;
  return { what: `${to}/`, from: `Parquet files of ${repos[0]}`, bytes: bytes ?? null, inPart: true };
}

function address({ urls, page }: Asset): string {
  return urls[0] ?? `manual download: ${page}`;
}
