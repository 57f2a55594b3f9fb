import { readdir, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { max } from 'simple-statistics';
import { UserError } from '../../shared/errors.js';
import { type FolderLock, isLockFile, type LockOptions, lockFolder } from '../../shared/folder-lock.js';
import { isTemporaryFile, type Ownership } from '../../shared/json-file.js';
import { makeFolder } from '../../shared/make-folder.js';
import { peakMemoryBytes } from '../../shared/peak-memory.js';
import { redactArguments } from '../../shared/redact.js';
import { isReadOnly } from '../../shared/system-errors.js';
import { VERSION } from '../../shared/version.js';
import { describeHost, describeSoftware } from './host.js';
import { differences, type OptionValue, type RunIdentity, runFolderName } from './run-identity.js';
import { type RunRecord, runFile, type Session, type SessionEnergy } from './run-record.js';

/** Names in a run folder, besides run.json, metrics.json and latency.json. */
export const RUN_FILES = {
  predictions: 'predictions.jsonl',
  batches: 'batches.jsonl',
  images: 'images.jsonl',
} as const;

const SAVE_INTERVAL_MS = 5_000; // time accounting that a crash may lose

/** Result of `openRun`: a finished run, or a run locked for this process. */
export type OpenedRun =
  | { state: 'complete'; folder: string; record: RunRecord }
  | { state: 'open'; folder: string; run: Run /** Whether it resumes an earlier session. */; resumed: boolean };

/** A locked run folder. It must be closed, or the lock remains until this process ends. */
export interface Run {
  folder: string;
  /** Current content of run.json. */
  readonly record: RunRecord;
  /**
   * Starts counting active time; call it when the model is loaded.
   */
  startClock(use?: ResourceUse): void;
  /** Every write into the folder needs it. */
  readonly owner: Ownership;
  /** Notes time and memory in run.json, at most every few seconds; call it after each batch. */
  saveProgress(): Promise<void>;
  /** Stops counting active time and saves time and memory in run.json. */
  stopClock(): Promise<void>;
  /** Replaces the sessions by those of merged shards, since this process asked no questions. */
  adoptSessions(sessions: readonly Session[]): void;
  /**
   * Saves the final state and releases the lock, also if saving fails; further calls do nothing. Call it with `complete` only
   * after all other files are written.
   */
  close(state: 'complete' | 'interrupted'): Promise<void>;
}

/** What a session uses, asked for whenever run.json is saved. */
export interface ResourceUse {
  /** Peak bytes of the run's other processes. */
  memoryElsewhere?: (() => number) | undefined;
  /** Since the clock was started; undefined where it is not measured. */
  energy?: (() => MeasuredEnergy | undefined) | undefined;
}

/** Energy in joules, null where it is not measured, and the questions that it was used for. */
export interface MeasuredEnergy {
  cpuJoules: number | null;
  gpuJoules: number | null;
  questions: number;
}

/** How a session was started, recorded in run.json. */
export interface SessionOptions {
  argv: readonly string[];
  settings: Record<string, OptionValue>;
  /** Hash over the names and sizes of the benchmark's images; null where it is not known. */
  images?: string | null;
}

/** What to do with an existing run. */
export interface ExistingRun {
  /** Rename its folder to `<name>.1`, `.2` ... and start over. */
  fresh?: boolean;
  /** Open it even if it is complete, to ask its failed questions again. */
  reopen?: boolean;
  /** Options for the folder's lock. */
  lock?: LockOptions;
}

/**
 * Creates or resumes a run in its folder and locks the folder. The same identity always maps to the same folder.
 * @throws UserError if another process uses the folder, or it contains something else
 */
export async function openRun(
  outputRoot: string,
  identity: RunIdentity,
  session: SessionOptions,
  existing: ExistingRun = {},
): Promise<OpenedRun> {
  const folder = join(outputRoot, runFolderName(identity));
  await makeFolder(folder);
  let lock: FolderLock;
  try {
    lock = await lockFolder(folder, existing.lock);
  } catch (error) {
    const finished = existing.fresh || existing.reopen ? null : await finishedIn(folder, identity, error);
    if (finished === null) throw error;
    return { state: 'complete', folder, record: finished };
  }
  try {
    if (existing.fresh) lock = await moveAside(folder, lock);
    const earlier = await readRecord(folder, identity);
    if (earlier?.state === 'complete' && !existing.reopen) {
      await lock.release();
      return { state: 'complete', folder, record: earlier };
    }
    const record: RunRecord = {
      schemaVersion: 1,
      state: 'running',
      createdAt: earlier?.createdAt ?? now(),
      finishedAt: null,
      identity,
      sessions: [...(earlier?.sessions ?? []), describeSession(session)],
    };
    await runFile.write(folder, record, lock);
    return { state: 'open', folder, run: lockedRun(folder, lock, record), resumed: earlier !== null };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** The record of a finished run that cannot be locked because its folder is read-only, which nobody else can change either. */
async function finishedIn(folder: string, identity: RunIdentity, lockError: unknown): Promise<RunRecord | null> {
  if (!(lockError instanceof UserError) || !isReadOnly(lockError.cause)) return null;
  const record = await readRecord(folder, identity);
  return record?.state === 'complete' ? record : null;
}

function lockedRun(folder: string, lock: FolderLock, record: RunRecord): Run {
  const session = record.sessions.at(-1)!;
  let clockStart: number | null = null; // ms
  let use: ResourceUse = {};
  let isClosed = false;
  let lastSave = performance.now(); // ms
  const save = async (): Promise<void> => {
    if (clockStart !== null) session.activeSeconds = (performance.now() - clockStart) / 1000;
    session.peakMemoryBytes = peakMemoryBytes() + (use.memoryElsewhere?.() ?? 0);
    const energy = sessionEnergy(use.energy?.());
    if (energy) session.energy = energy;
    await runFile.write(folder, record, lock);
    lastSave = performance.now();
  };
  return {
    folder,
    record,
    owner: lock,
    startClock(resources = {}) {
      use = resources;
      clockStart ??= performance.now();
    },
    async saveProgress() {
      if (performance.now() - lastSave >= SAVE_INTERVAL_MS) await save();
    },
    async stopClock() {
      await save();
      clockStart = null;
    },
    adoptSessions(sessions) {
      record.sessions = [...sessions];
      record.createdAt = sessions.map(({ startedAt }) => startedAt).sort()[0]!;
    },
    async close(state) {
      if (isClosed) return;
      isClosed = true;
      record.state = state;
      record.finishedAt = state === 'complete' ? now() : null;
      try {
        await save();
      } finally {
        await lock.release();
      }
    },
  };
}

/** undefined if nothing was measured, or nothing answered. */
function sessionEnergy(measured: MeasuredEnergy | undefined): SessionEnergy | undefined {
  if (!measured || measured.questions === 0) return undefined;
  const { cpuJoules, gpuJoules, questions } = measured;
  if (cpuJoules === null && gpuJoules === null) return undefined;
  return { questions, ...(cpuJoules !== null && { cpuJoules }), ...(gpuJoules !== null && { gpuJoules }) };
}

function describeSession({ argv, settings, images }: SessionOptions): Session {
  return {
    ...(images ? { images } : {}),
    startedAt: now(),
    argv: redactArguments(argv),
    settings,
    software: describeSoftware(VERSION),
    host: describeHost(),
    activeSeconds: 0,
    peakMemoryBytes: peakMemoryBytes(),
  };
}

/** The record of an earlier session; null in a new folder. @throws UserError if the folder belongs to something else */
async function readRecord(folder: string, identity: RunIdentity): Promise<RunRecord | null> {
  const record = await runFile.read(folder);
  if (record === null) {
    const files = (await readdir(folder)).filter((name) => !isLockFile(name) && !isTemporaryFile(name));
    if (files.length === 0) return null;
    throw new UserError(
      `${folder} has no ${runFile.name} but contains ${files[0]}. Move the folder away, or start over with --fresh.`,
    );
  }
  checkVersion(folder, record);
  const [difference] = differences(record.identity, identity);
  if (difference === undefined) return record;
  const { field, first, second } = difference;
  throw new UserError(
    `${folder} contains another run: ${field} is ${JSON.stringify(first)} there and ${JSON.stringify(second)} here. Start over with --fresh.`,
  );
}

/** @throws UserError if the run was made by another major version, whose answers may differ */
function checkVersion(folder: string, record: RunRecord): void {
  const { llavahr } = record.sessions.at(-1)!.software;
  if (major(llavahr) === major(VERSION)) return;
  throw new UserError(
    `${folder} was created by llavahr ${llavahr} and cannot be resumed by version ${VERSION}. Start over with --fresh.`,
  );
}

function major(version: string): string {
  return version.split('.')[0]!;
}

/** Renames a locked folder to the next free `<name>.<n>` and creates a new, locked one in its place. @returns the new lock */
async function moveAside(folder: string, lock: FolderLock): Promise<FolderLock> {
  const names = await readdir(folder);
  if (names.every(isLockFile)) return lock; // nothing to keep
  const prefix = `${basename(folder)}.`;
  const taken = (await readdir(dirname(folder)))
    .filter((name) => name.startsWith(prefix))
    .map((name) => Number(name.slice(prefix.length)))
    .filter(Number.isInteger);
  const movedTo = `${folder}.${max([0, ...taken]) + 1}`;
  await rename(folder, movedTo);
  await lock.release(movedTo);
  await makeFolder(folder);
  return lockFolder(folder);
}

function now(): string {
  return new Date().toISOString();
}
