import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { messageOf, UserError, usageError } from '../../shared/errors.js';
import { didYouMean, nameAmong } from '../../shared/known-names.js';
import { askedQuestions } from './asked-questions.js';
import { finishedRuns, isRunFolder, runFoldersIn, skippedLine } from './finished-runs.js';
import { loadRun, type RunResult } from './load-run.js';
import { metricsFile } from './metrics.js';
import { differences } from './run-identity.js';
import { type RunRecord, runFile } from './run-record.js';

/** Finished runs without duplicates, and the runs that each name refers to. */
export interface NamedRuns {
  runs: RunResult[];
  byName: ReadonlyMap<string, RunResult[]>;
  /** Skipped run folders, with reasons. */
  messages: string[];
}

/**
 * Finds runs by run folder (or a folder of them, as `finishedRuns`), or by model name among the finished runs in a folder.
 * Partial runs (such as --limit, --shard) and old runs renamed by --fresh are only found by folder.
 * @throws UserError if a folder contains no finished run, or (usage) if no run matches a name
 */
export async function findRuns(names: readonly string[], resultsFolder: string): Promise<NamedRuns> {
  const messages: string[] = [];
  const paths: string[] = [];
  const modelFolders = new Map<string, string[]>();
  let candidates: Candidate[] | null = null;
  for (const name of new Set(names)) {
    if (isRunFolder(name)) {
      paths.push(name);
      continue;
    }
    candidates ??= await readCandidates(resultsFolder, messages);
    // A checkpoint folder may have the same name as the model.
    if (existsSync(name) && !candidates.some(isOfModel(name))) paths.push(name);
    else modelFolders.set(name, runsOfModel(name, candidates, resultsFolder, messages));
  }
  const { runs, skipped } = paths.length > 0 ? await finishedRuns(paths) : { runs: [], skipped: [] };
  if (skipped.length > 0) messages.push(skippedLine(skipped));

  const loaded = new Map(runs.map((run) => [resolve(run.folder), run]));
  const byFolder = new Map<string, RunResult>();
  const byName = new Map<string, RunResult[]>();
  for (const name of new Set(names)) {
    const named: RunResult[] = [];
    for (const folder of modelFolders.get(name) ?? foldersFrom(name, runs)) {
      const run = loaded.get(resolve(folder)) ?? (await loadRun(folder));
      loaded.set(resolve(folder), run);
      byFolder.set(resolve(folder), run);
      named.push(run);
    }
    byName.set(name, named);
  }
  return { runs: [...byFolder.values()], byName, messages };
}

/** The folders of the runs that a path stands for: its own, or those in it. */
function foldersFrom(path: string, runs: readonly RunResult[]): string[] {
  const folders = runs.map(({ folder }) => folder);
  const own = folders.filter((folder) => resolve(folder) === resolve(path));
  return own.length > 0 ? own : folders.filter((folder) => dirname(resolve(folder)) === resolve(path));
}

interface Candidate {
  folder: string;
  record: RunRecord;
}

async function readCandidates(resultsFolder: string, messages: string[]): Promise<Candidate[]> {
  const candidates: Candidate[] = [];
  for (const folder of await runFoldersIn(resultsFolder)) {
    try {
      const record = await runFile.read(folder);
      if (record) candidates.push({ folder, record });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      messages.push(`Skipped ${folder}: ${messageOf(error)}`);
    }
  }
  return candidates;
}

function isOfModel(name: string): (candidate: Candidate) => boolean {
  return ({ record }) => nameAmong(name, [record.identity.model.name]) !== null;
}

function runsOfModel(
  name: string,
  candidates: readonly Candidate[],
  resultsFolder: string,
  messages: string[],
): string[] {
  const own = candidates.filter(isOfModel(name));
  const chosen: Candidate[] = [];
  for (const candidate of own) {
    const reason = reasonToSkip(candidate, chosen);
    if (reason === null) chosen.push(candidate);
    else messages.push(`Skipped ${candidate.folder}: ${reason}.`);
  }
  if (chosen.length > 0) return chosen.map(({ folder }) => folder);
  const known = [...new Set(candidates.map(({ record }) => record.identity.model.name))];
  throw usageError(
    `${name} is neither a run folder nor a model with a finished run in ${resultsFolder}/.${didYouMean(name, known)} ` +
      (known.length > 0 ? `Models with runs there: ${known.join(', ')}.` : 'It contains no runs.'),
  );
}

function reasonToSkip({ folder, record }: Candidate, chosen: readonly Candidate[]): string | null {
  if (record.state !== 'complete') return 'not finished; rerun its eval command to resume it';
  if (!existsSync(join(folder, metricsFile.name))) return 'it has no scores; combine all shards with `llavahr merge`';
  const part = askedQuestions(record.identity.protocol);
  if (part !== null) return `it covers only ${part.text}; give the folder to include it`;
  const duplicate = chosen.find((other) => differences(other.record.identity, record.identity).length === 0);
  return duplicate ? `same run as ${duplicate.folder}` : null;
}
