import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { max } from 'simple-statistics';
import { messageOf, UserError } from '../../shared/errors.js';
import { isLocked } from '../../shared/folder-lock.js';
import { unreadable } from '../../shared/system-errors.js';
import { type Metrics, metricsFile } from './metrics.js';
import { RUN_FILES } from './run-folder.js';
import { type RunRecord, runFile } from './run-record.js';

/** A run folder as listed by `llavahr runs`. */
export type RunEntry = IntactRun | DamagedRun;

export interface IntactRun {
  folder: string;
  /** `partial`: can be resumed. `failed`: all questions were asked, but some failed. */
  state: 'complete' | 'failed' | 'partial' | 'running';
  benchmark: string;
  split: string;
  shard: string | null; // 2/8
  model: string;
  /** null for a served model. */
  resolution: number | null;
  precision: string;
  device: string;
  /** Name and value of the main score; null if there is none yet. */
  score: { name: string; value: number; isPoints: boolean } | null;
  answered: number;
  /** Failed questions. */
  failed: number;
  /** Total number of questions; null if not recorded. */
  questions: number | null;
  /** Time of the last change. ISO 8601, UTC */
  updatedAt: string;
  bytes: number;
}

export interface DamagedRun {
  folder: string;
  state: 'damaged';
  problem: string;
}

const FOLDERS_AT_ONCE = 16;

/**
 * Lists the run folders in a folder, the latest first and damaged ones last. Other folders are skipped.
 * @throws UserError if the folder cannot be read
 */
export async function listRuns(root: string): Promise<RunEntry[]> {
  const folders = (await readFolder(root)).map((name) => join(root, name));
  const entries: RunEntry[] = [];
  for (let i = 0; i < folders.length; i += FOLDERS_AT_ONCE) {
    const some = await Promise.all(folders.slice(i, i + FOLDERS_AT_ONCE).map(readEntry));
    for (const entry of some) if (entry !== null) entries.push(entry);
  }
  const time = (entry: RunEntry) => (entry.state === 'damaged' ? '' : entry.updatedAt);
  return entries.sort((a, b) => time(b).localeCompare(time(a)) || a.folder.localeCompare(b.folder));
}

async function readFolder(root: string): Promise<string[]> {
  try {
    const entries = await readdir(root, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    throw unreadable(root, error);
  }
}

/** Null if the folder is not a run folder. */
async function readEntry(folder: string): Promise<RunEntry | null> {
  try {
    const record = await runFile.read(folder);
    if (record !== null) return await describe(folder, record);
    const names = await readdir(folder);
    return names.includes(RUN_FILES.predictions)
      ? { folder, state: 'damaged', problem: `${runFile.name} is missing` }
      : null;
  } catch (error) {
    return { folder, state: 'damaged', problem: messageOf(error) };
  }
}

async function describe(folder: string, record: RunRecord): Promise<IntactRun> {
  const { benchmark, split, model, device, shard } = record.identity;
  const isScored = record.state === 'complete' && !shard;
  const [files, isRunning, metrics] = await Promise.all([
    filesIn(folder),
    isLocked(folder),
    isScored ? metricsFile.read(folder) : null,
  ]);
  if (isScored && metrics === null) throw new UserError(`${metricsFile.name} is missing`);
  const { answered, failed } = metrics
    ? { answered: metrics.n - metrics.failed, failed: metrics.failed }
    : await countAnswers(join(folder, RUN_FILES.predictions));
  const questions = metrics?.n ?? record.sessions.at(-1)!.settings['questions'];
  return {
    folder,
    state: isRunning ? 'running' : record.state !== 'complete' ? 'partial' : failed > 0 ? 'failed' : 'complete',
    benchmark,
    split,
    shard: shard ? `${shard.index}/${shard.count}` : null,
    model: model.name,
    resolution: model.resolution,
    precision: model.precision,
    device,
    score: scoreOf(metrics),
    answered,
    failed,
    questions: typeof questions === 'number' ? questions : null,
    updatedAt: record.finishedAt ?? new Date(max([0, ...files.map(({ mtimeMs }) => mtimeMs)])).toISOString(),
    bytes: files.reduce((sum, { size }) => sum + size, 0),
  };
}

function scoreOf(metrics: Metrics | null): IntactRun['score'] {
  const name = metrics?.headline;
  const value = name == null ? undefined : metrics!.scores[name];
  return value === undefined ? null : { name: name!, value, isPoints: metrics!.points.includes(name!) };
}

async function filesIn(folder: string): Promise<{ size: number; mtimeMs: number }[]> {
  const names = await readdir(folder, { recursive: true });
  const stats = await Promise.all(names.map((name) => stat(join(folder, name)).catch(() => null)));
  return stats.filter((one) => one?.isFile()).map((one) => one!); // a lock may have been removed in the meantime
}

/** Counts a predictions file without validating it, since it may be large. The last line of a question counts. */
async function countAnswers(path: string): Promise<{ answered: number; failed: number }> {
  const isAnswered = new Map<string, boolean>();
  try {
    for await (const line of createInterface({ input: createReadStream(path) })) {
      const index = /"index":(\d+)/.exec(line)?.[1];
      if (index !== undefined && line.endsWith('}')) isAnswered.set(index, !line.includes('"text":null'));
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const answered = [...isAnswered.values()].filter(Boolean).length;
  return { answered, failed: isAnswered.size - answered };
}
