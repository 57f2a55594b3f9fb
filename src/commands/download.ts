import type { BenchmarkDefinition } from '../benchmarks/benchmark.js';
import { benchmarkEntry, modelEntry, readCatalogue, splitEntry, withOwnDownloads } from '../datasets/catalogue.js';
import type { Catalogue, ModelEntry } from '../datasets/catalogue-schema.js';
import { downloadSplit } from '../downloads/download-split.js';
import { noteOf, openDownloads, trafficLine } from '../downloads/downloads.js';
import type { ImageOrigin } from '../downloads/split-job.js';
import { openRequests } from '../fetch/http.js';
import { defaultDataFolder } from '../shared/cache-folder.js';
import { countOf } from '../shared/count-of.js';
import { EXIT, messageOf, UserError, usageError } from '../shared/errors.js';
import { didYouMean } from '../shared/known-names.js';
import { messageStream, say } from '../shared/log.js';
import { makeFolder } from '../shared/make-folder.js';
import { startTransferProgress } from '../terminal/transfer-progress.js';
import { benchmarkPlans, benchmarkPlanText, modelPlans, modelPlanText } from './download-plan.js';
import { interruptible } from './interrupt.js';
import { type DownloadedBenchmark, type DownloadJson, printJson } from './json-output.js';
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
  if (split !== undefined || dir !== undefined || source !== 'official') {
    throw usageError('--split, --dir and --source are for benchmarks; models go into the Hugging Face cache.');
  }
  const catalogue = await readCatalogue();
  const entries = modelsNamed(catalogue, names, further);
  const upstream = update ? 'take' : 'tell';
  if (dryRun) {
    const requests = openRequests({ offline });
    const plans = await modelPlans(entries, requests, upstream).finally(requests.close);
    if (json) printJson<DownloadJson>({ models: plans });
    else console.log(modelPlanText(plans));
    return EXIT.done;
  }
  const downloads = await openDownloads(offline, catalogue);
  const interrupt = interruptible('Stopping. Everything downloaded so far is kept.');
  const models: { model: string; folder: string }[] = [];
  try {
    for (const entry of entries) {
      say('info', `${entry.name} from ${entry.repo} (licence: ${entry.licence})`);
      const { folder } = await downloads.model(entry, upstream, interrupt.signal, verify);
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
    if (options.update) throw usageError('--dry-run lists what a first download fetches: leave out --update.');
    const plans = benchmarkPlans(catalogue, chosen, options.source, root);
    if (options.json) printJson<DownloadJson>({ benchmarks: plans });
    else console.log(benchmarkPlanText(plans));
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
        if (done.missingImages > 0) say('info', `${countOf(done.missingImages, 'image')} could not be downloaded.`);
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
