import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, UserError } from '../../shared/errors.js';
import { loadRun, type RunResult } from './load-run.js';
import { runFile } from './run-record.js';

export interface FinishedRuns {
  runs: RunResult[];
  skipped: Skipped[];
}

/** A path without a finished run. */
export interface Skipped {
  path: string;
  /** In a few words. */
  reason: string;
}

/**
 * The finished runs among paths, as of `results/*`; anything that is not a finished run is skipped. If no path is a
 * run folder, those in the folders are taken, as of `results`.
 * @throws UserError if a path does not exist, or there is no finished run
 */
export async function finishedRuns(paths: readonly string[]): Promise<FinishedRuns> {
  const missing = paths.find((path) => !existsSync(path));
  if (missing !== undefined) throw new UserError(`${missing} does not exist.`);
  const folders = paths.some(isRunFolder) ? paths : (await Promise.all(paths.map(runFoldersIn))).flat();
  if (folders.length === 0) {
    throw new UserError(
      `${paths.join(', ')} is not a run folder: it has no ${runFile.name}, and neither has a folder in it. Give a folder ` +
        'created by `llavahr eval`.',
    );
  }
  if (folders.length === 1) return { runs: [await loadRun(folders[0]!)], skipped: [] };
  const found: FinishedRuns = { runs: [], skipped: [] };
  for (const path of new Set(folders)) {
    const run = await loadFinished(path, folders);
    if (typeof run === 'string') found.skipped.push({ path, reason: run });
    else found.runs.push(run);
  }
  if (found.runs.length === 0) throw new UserError(`There is no finished run. ${skippedLine(found.skipped)}`);
  return found;
}

const SHOWN = 5;

/** One line about what was skipped. */
export function skippedLine(skipped: readonly Skipped[]): string {
  const shown = skipped.slice(0, SHOWN).map(({ path, reason }) => `${path} (${reason})`);
  const others = skipped.length - shown.length;
  return `Skipped: ${shown.join(', ')}${others > 0 ? ` and ${others} more` : ''}.`;
}

/** Whether a path is a run folder, finished or not. */
export function isRunFolder(path: string): boolean {
  return existsSync(join(path, runFile.name));
}

/** The run folders in a folder, sorted; none if it is no folder. */
export async function runFoldersIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names
    .sort()
    .map((name) => join(folder, name))
    .filter(isRunFolder);
}

/** A finished run, or why the path holds none. @param others all paths */
async function loadFinished(path: string, others: readonly string[]): Promise<RunResult | string> {
  if (!isRunFolder(path))
    return (await runFoldersIn(path)).length > 0 ? 'a folder of runs, not a run' : 'no run folder';
  try {
    const { identity, state } = (await runFile.read(path))!;
    if (identity.shard) return 'a shard';
    if (state !== 'complete') return 'not finished';
    const replacement = /^(.+)\.\d+$/.exec(path)?.[1];
    if (replacement !== undefined && others.includes(replacement)) return 'replaced with --fresh';
    return await loadRun(path);
  } catch (error) {
    if (error instanceof UserError) return messageOf(error);
    throw error;
  }
}
