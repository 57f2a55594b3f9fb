import { join } from 'node:path';
import type { BenchmarkDefinition } from '../benchmarks/benchmark.js';
import { assetOf } from '../datasets/catalogue.js';
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
import { modelFiles } from '../downloads/download-model.js';
import { noteOf } from '../downloads/downloads.js';
import type { ImageOrigin } from '../downloads/split-job.js';
import type { Upstream } from '../downloads/upstream-changes.js';
import type { Requests } from '../fetch/http.js';
import { byteSize } from '../shared/byte-size.js';
import { countOf } from '../shared/count-of.js';
import { wrapText } from '../shared/wrap-text.js';
import { terminalWidth } from '../terminal/style.js';
import { type Align, renderTable } from '../terminal/table.js';
import type { BenchmarkPlan, ModelPlan, PlannedItem, PlannedSize } from './json-output.js';

/* `download --dry-run`: what would be downloaded, from where, its size and licence. */

/** A split of a benchmark to download. */
export interface ChosenSplit {
  definition: BenchmarkDefinition;
  entry: BenchmarkEntry;
  split: SplitEntry;
}

/**
 * What a download of each split would fetch; from datasets.json alone.
 * @param root folder of the benchmarks' folders
 */
export function benchmarkPlans(
  catalogue: Catalogue,
  chosen: readonly ChosenSplit[],
  origin: ImageOrigin,
  root: string,
): BenchmarkPlan[] {
  return chosen.map(({ definition, entry: { name, licence }, split }) => {
    const items = itemsOf(catalogue, split, origin);
    const note = noteOf(definition, split.name) ?? null;
    const folder = join(root, definition.name);
    return { benchmark: name, split: split.name, licence, note, folder, items, total: totalOf(items) };
  });
}

/** What a download of each model would fetch, as its repositories list it. @throws UserError when one cannot be read */
export async function modelPlans(
  entries: readonly ModelEntry[],
  requests: Requests,
  upstream: Upstream,
): Promise<ModelPlan[]> {
  const plans: ModelPlan[] = [];
  for (const entry of entries) {
    const items = (await modelFiles(entry, requests, upstream)).flatMap(({ repo, commit, files }) =>
      files.map(({ path, bytes }) => ({ what: path, from: `${repo} at ${commit}`, bytes, inPart: false })),
    );
    plans.push({ model: entry.name, licence: entry.licence, items, total: totalOf(items) });
  }
  return plans;
}

/** The plans as a table, with totals, licences and notes, wrapped to the terminal. */
export function benchmarkPlanText(plans: readonly BenchmarkPlan[]): string {
  return planText(
    ['benchmark', 'split'],
    plans.map(({ benchmark, split, licence, note, folder, ...plan }) => ({
      ...plan,
      names: [benchmark, split],
      folder,
      licence: `${benchmark}: ${licence.text}${licence.confidence === 'unverified' ? ' (not verified)' : ''}`,
      note: note === null ? null : `${benchmark} ${split}: ${note}`,
    })),
    'From archives marked "members" and from Parquet mirrors, only the images that the questions use are downloaded, ' +
      'provided the server supports range requests.',
  );
}

/** Like `benchmarkPlanText`. */
export function modelPlanText(plans: readonly ModelPlan[]): string {
  return planText(
    ['model'],
    plans.map(({ model, licence, ...plan }) => ({
      ...plan,
      names: [model],
      folder: null,
      licence: `${model}: ${licence}`,
      note: null,
    })),
    'Files that are in the Hugging Face cache already are not downloaded again.',
  );
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
    ...(unknown > 0 ? [`${countOf(unknown, 'item')} of unknown size`] : []),
  ];
  return parts.join(', ');
}

/** A plan as it is printed. */
interface ShownPlan {
  names: string[];
  /** Null where the Hugging Face cache decides. */
  folder: string | null;
  items: readonly PlannedItem[];
  total: PlannedSize;
  licence: string;
  note: string | null;
}

/** @param titles of the names @param remark on all plans */
function planText(titles: readonly string[], plans: readonly ShownPlan[], remark: string): string {
  const sources = [...new Set(plans.flatMap(({ items }) => items.map(({ from }) => from)))];
  const rows = plans.flatMap(({ names, items }) =>
    items.map(({ what, from, bytes, inPart }) => {
      const size = bytes === null ? 'unknown' : byteSize(bytes);
      const source = `[${sources.indexOf(from) + 1}]`;
      return [...names, what, inPart && bytes !== null ? `of ${size}` : size, source];
    }),
  );
  const keys = titles.length + 1;
  const align: Align[] = [...Array.from({ length: keys }, (): Align => 'left'), 'right', 'left'];
  const notes = plans.flatMap(({ note }) => note ?? []);
  return [
    renderTable([...titles, 'what', 'size', 'from'], rows, align, { keys }),
    '',
    ...sources.map((source, i) => `[${i + 1}] ${source}`), // not wrapped, so that addresses can be copied
    '',
    'Total:',
    ...plans.map(
      ({ names, total, folder }) =>
        `  ${names.join(' ')}: ${totalText(total)}${folder === null ? '' : `, to ${folder}`}`,
    ),
    '',
    wrapText(remark, terminalWidth),
    '',
    'Licences:',
    ...plans.map(({ licence }) => wrapText(`  ${licence}`, terminalWidth)),
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
