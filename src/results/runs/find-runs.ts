import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { messageOf, UserError, usageError } from '../../shared/errors.js';
import { loadRun, type RunResult } from './load-run.js';
import { metricsFile } from './metrics.js';
import { differences } from './run-identity.js';
import { type RunRecord, runFile } from './run-record.js';

/** Finished runs, each once, and which of them every name stands for. */
export interface NamedRuns {
  runs: RunResult[];
  byName: ReadonlyMap<string, RunResult[]>;
  /** What was passed over, and why. */
  messages: string[];
}

/**
 * Finds runs by their result folders, or by the names of their models among the finished runs in a folder. A model's runs
 * of part of the questions (--limit, --shard) and those that --fresh put aside are found by their folders only.
 * @throws UserError when a folder holds no finished run, or (usage) a name stands for none
 */
export async function findRuns(names: readonly string[], resultsFolder: string): Promise<NamedRuns> {
  const messages: string[] = [];
  const byFolder = new Map<string, RunResult>();
  const byName = new Map<string, RunResult[]>();
  let candidates: Candidate[] | null = null;
  for (const name of new Set(names)) {
    let folders = [name];
    if (!existsSync(join(name, runFile.name))) {
      candidates ??= await readCandidates(resultsFolder, messages);
      // A checkpoint's folder may well be called like the model.
      if (!existsSync(name) || candidates.some(isOfModel(name))) {
        folders = runsOfModel(name, candidates, resultsFolder, messages);
      }
    }
    const runs: RunResult[] = [];
    for (const folder of folders) {
      const path = resolve(folder);
      const run = byFolder.get(path) ?? (await loadRun(folder));
      byFolder.set(path, run);
      runs.push(run);
    }
    byName.set(name, runs);
  }
  return { runs: [...byFolder.values()], byName, messages };
}

interface Candidate {
  folder: string;
  record: RunRecord;
}

async function readCandidates(resultsFolder: string, messages: string[]): Promise<Candidate[]> {
  const names = existsSync(resultsFolder) ? (await readdir(resultsFolder)).sort() : [];
  const candidates: Candidate[] = [];
  for (const name of names) {
    const folder = join(resultsFolder, name);
    if (!existsSync(join(folder, runFile.name))) continue;
    try {
      const record = await runFile.read(folder);
      if (record) candidates.push({ folder, record });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      messages.push(`${folder} is left out: ${messageOf(error)}`);
    }
  }
  return candidates;
}

function isOfModel(name: string): (candidate: Candidate) => boolean {
  return ({ record }) => record.identity.model.name === name;
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
    const reason = reasonToLeaveOut(candidate, chosen);
    if (reason === null) chosen.push(candidate);
    else messages.push(`${candidate.folder} is left out: ${reason}.`);
  }
  if (chosen.length > 0) return chosen.map(({ folder }) => folder);
  const known = [...new Set(candidates.map(({ record }) => record.identity.model.name))];
  throw usageError(
    `${name} is neither a result folder nor a model with a finished run in ${resultsFolder}/. ` +
      (known.length > 0 ? `Models with runs there: ${known.join(', ')}.` : 'There are no runs there.'),
  );
}

function reasonToLeaveOut({ folder, record }: Candidate, chosen: readonly Candidate[]): string | null {
  if (record.state !== 'complete') return 'it is not finished; the command that made it continues it';
  if (!existsSync(join(folder, metricsFile.name)))
    return 'it has no scores; llavahr merge makes them of all parts of a run';
  const { limit } = record.identity.protocol;
  if (limit !== undefined && limit !== null)
    return `it is of the first ${limit} questions; name the folder to include it`;
  const twin = chosen.find((other) => differences(other.record.identity, record.identity).length === 0);
  return twin ? `it is the same run as ${twin.folder}` : null;
}
