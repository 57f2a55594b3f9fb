import { join } from 'node:path';
import { environmentPath } from '../shared/environment.js';
import { UserError, usageError } from '../shared/errors.js';
import { schemaCheck } from '../shared/json-schema.js';
import { didYouMean, nameAmong } from '../shared/known-names.js';
import { PACKAGE_ROOT } from '../shared/package-root.js';
import { parseJson } from '../shared/parse-json.js';
import { systemReason } from '../shared/system-errors.js';
import { readUtf8 } from '../shared/utf8-text.js';
import {
  type Asset,
  type BenchmarkEntry,
  CATALOGUE_SCHEMA,
  type Catalogue,
  type ModelEntry,
  type SplitEntry,
} from './catalogue-schema.js';

/** The catalogue shipped with llavahr. */
export const CATALOGUE_PATH = join(PACKAGE_ROOT, 'datasets.json');

const check = schemaCheck<Catalogue>(CATALOGUE_SCHEMA);

/**
 * Reads the catalogue named by LLAVAHR_DATASETS, for your own mirrors (default: the one shipped with llavahr).
 * @throws UserError when the file is not JSON, does not match the schema, or has dangling references
 */
export async function readCatalogue(path = environmentPath('LLAVAHR_DATASETS') ?? CATALOGUE_PATH): Promise<Catalogue> {
  let value: unknown;
  try {
    value = parseJson(await readUtf8(path));
  } catch (error) {
    throw new UserError(`${path} cannot be read: ${systemReason(error, path)}`, { cause: error });
  }
  if (!check.fits(value)) throw new UserError(`${path}: ${check.problem()}.`);
  const problems = catalogueProblems(value);
  if (problems.length > 0) throw new UserError(`${path}:\n  ${problems.join('\n  ')}`);
  return value;
}

/** Problems that a schema cannot detect: dangling references, unused assets, duplicate names. */
export function catalogueProblems({ assets, benchmarks, models }: Catalogue): string[] {
  const problems: string[] = [];
  const used = new Set<string>();
  const use = (where: string, asset: string, member: string | undefined): void => {
    used.add(asset);
    const found = Object.hasOwn(assets, asset) ? assets[asset] : undefined;
    if (!found) problems.push(`${where} refers to the asset "${asset}", which does not exist`);
    else if (member !== undefined && found.format !== 'zip') {
      problems.push(`${where} needs a member of "${asset}", which is not an archive`);
    }
  };
  for (const { name, splits } of benchmarks) {
    for (const split of splits) {
      const where = `${name} ${split.name}`;
      for (const { asset, member, to } of split.files) use(`${where}, ${to}`, asset, member);
      for (const images of split.images) {
        if (images.kind === 'members') use(`${where}, images`, images.asset, images.prefix);
        if (images.kind === 'archive') use(`${where}, images`, images.asset, undefined);
      }
      for (const label of ['mirror', 'hub'] as const) {
        const pattern = split[label]?.files;
        if (pattern !== undefined && !isPattern(pattern))
          problems.push(`${where}, ${label}: "${pattern}" is not a regular expression`);
      }
      if (split.files.length === 0 && !split.hub) problems.push(`${where} has no files`);
    }
    for (const split of repeated(splits)) problems.push(`${name} lists the split ${split} twice`);
  }
  const unused = Object.keys(assets).filter((name) => !used.has(name));
  const unreachable = Object.entries(assets).filter(([, { urls, page }]) => urls.length === 0 && page === undefined);
  return [
    ...problems,
    ...repeated(benchmarks).map((name) => `the benchmark ${name} is listed twice`),
    ...repeated(models).map((name) => `the model ${name} is listed twice`),
    ...unused.map((name) => `the asset "${name}" is unused`),
    ...unreachable.map(([name]) => `the asset "${name}" has neither urls nor a page`),
  ];
}

function isPattern(text: string): boolean {
  try {
    new RegExp(text);
    return true;
  } catch {
    return false;
  }
}

function repeated(entries: readonly { name: string }[]): string[] {
  const names = entries.map(({ name }) => name);
  return names.filter((name, i) => names.indexOf(name) !== i);
}

/** @throws UserError (usage) when the catalogue does not have it */
export function benchmarkEntry({ benchmarks }: Catalogue, name: string): BenchmarkEntry {
  const found = benchmarks.find((benchmark) => benchmark.name === name);
  if (found) return found;
  throw usageError(`No downloads are available for "${name}". Available: ${benchmarks.map((b) => b.name).join(', ')}.`);
}

/** The catalogue with the entries that benchmarks bring themselves. */
export function withOwnDownloads(
  catalogue: Catalogue,
  definitions: readonly { downloads?: Pick<Catalogue, 'assets' | 'benchmarks'> | null }[],
): Catalogue {
  const own = definitions.flatMap(({ downloads }) => downloads ?? []);
  return {
    ...catalogue,
    assets: Object.fromEntries([catalogue, ...own].flatMap(({ assets }) => Object.entries(assets))),
    benchmarks: [...catalogue.benchmarks, ...own.flatMap(({ benchmarks }) => benchmarks)],
  };
}

/** The requested split (default: the first). @throws UserError (usage) when it does not exist */
export function splitEntry({ name, splits }: BenchmarkEntry, requested?: string): SplitEntry {
  if (requested === undefined) return splits[0]!;
  const names = splits.map((split) => split.name);
  const known = nameAmong(requested, names);
  const found = splits.find((split) => split.name === known);
  if (found) return found;
  throw usageError(
    `${name} has no split "${requested}".${didYouMean(requested, names)} Available: ${names.join(', ')}.`,
  );
}

/** The checkpoint of this name, whatever its case and separators, or null. */
export function modelEntry({ models }: Catalogue, name: string): ModelEntry | null {
  const known = nameAmong(
    name,
    models.map((model) => model.name),
  );
  return models.find((model) => model.name === known) ?? null;
}

/** An asset whose existence `readCatalogue` has checked. */
export function assetOf({ assets }: Catalogue, id: string): Asset {
  const asset = assets[id];
  if (!asset) throw new Error(`datasets.json has no asset "${id}"`);
  return asset;
}
