import { randomBytes, randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { hostname, uptime } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, UserError } from './errors.js';
import { replaceFile } from './json-file.js';
import { COUNT, nullable, objectOf, POSITIVE, schemaCheck, TEXT } from './json-schema.js';
import { parseJson } from './parse-json.js';

/*
 * A process that locks a folder first creates its own lock file there, then looks for others. Of two processes that start
 * at the same time, at least one sees the other, so both can never hold the lock. No process has to remove another's
 * file to acquire the lock, which is where two takeovers of one stale lock would collide.
 *
 * Whether a process on this machine is alive can be checked directly. A process on another machine shows it by changing
 * its lock file every few seconds; a process that finds such a lock removes its own and watches the other one for several
 * such intervals. Clocks of different machines are never compared.
 */
const LOCK_NAME = /^lock-[0-9a-f]{16}\.json$/;
const CLOCK_SLACK_MS = 60_000; // the clock may have been set since the system started
/** Larger than the JSON of any lock. */
const LOCK_BYTES = 512;
const ATTEMPTS = 5; // processes that start at the same time all withdraw and retry at random times
const BEAT_MS = 10_000;
const LAPSE_MS = 60_000; // network file systems may show changes this late

interface Lock {
  pid: number;
  startedAt: string;
  host: string;
  /** Distinguishes the process from a later one with the same pid; null if not available. */
  process: string | null;
  /** Counts up while the process is alive. */
  beats: number;
}

const checkLock = schemaCheck<Lock>(
  objectOf<Lock>({ pid: POSITIVE, startedAt: TEXT, host: TEXT, process: nullable(TEXT), beats: COUNT }),
);

/** A folder locked by this process. */
export interface FolderLock {
  /** Whether the lock expired and another machine took the folder. */
  isLost(): boolean;
  /** @param movedTo where the folder is now, if it was renamed */
  release(movedTo?: string): Promise<void>;
}

export interface LockOptions {
  /** Called before watching the lock of another machine, which takes up to a minute. */
  onWait?: (message: string) => void;
  lapseMs?: number; // default: one minute
  beatMs?: number; // default: 10 s
}

/**
 * Locks a folder for this process. Locks of dead processes, or from before a reboot, are removed.
 * @throws UserError naming the process that uses the folder
 */
export async function lockFolder(
  folder: string,
  { onWait, lapseMs = LAPSE_MS, beatMs = BEAT_MS }: LockOptions = {},
): Promise<FolderLock> {
  const name = `lock-${randomBytes(8).toString('hex')}.json`;
  const path = join(folder, name);
  const silent = new Set<string>(); // contents of locks that did not change while being watched
  for (let attempt = 1; ; attempt++) {
    const lock = await describeLock();
    await replaceFile(path, (file) => file.writeFile(textOf(lock)));
    const obstacle = await obstacleTo(folder, name, silent);
    if (obstacle === null) return heldLock(path, lock, beatMs);
    await rm(path, { force: true });
    if (obstacle.watch) {
      onWait?.(`${obstacle.refusal} Waiting up to ${Math.round(lapseMs / 1000)} s to see whether it is still alive.`);
      const isSilent = await keepsSilent(obstacle.watch, lapseMs);
      if (isSilent) silent.add(obstacle.watch.content);
      else if (existsSync(obstacle.watch.path))
        throw new UserError(`${obstacle.refusal} Wait for it to end, or stop it.`);
    }
    if (attempt === ATTEMPTS) throw new UserError(obstacle.refusal);
    await sleep(randomInt(10, 100)); // ms
  }
}

/** Fixed length, so that a reader never sees a mix of two beats. */
function textOf(lock: Lock): string {
  return JSON.stringify(lock).padEnd(LOCK_BYTES);
}

function heldLock(path: string, lock: Lock, beatMs: number): FolderLock {
  let isLost = false;
  let beating = Promise.resolve();
  const beat = async (): Promise<void> => {
    lock.beats++;
    try {
      await writeFile(path, textOf(lock), { flag: 'r+' }); // in place, so that a removed lock is not recreated
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') isLost = true;
    }
  };
  const timer = setInterval(() => {
    beating = beating.then(beat);
  }, beatMs).unref();
  return {
    isLost: () => isLost,
    async release(movedTo = dirname(path)) {
      clearInterval(timer);
      await beating;
      await rm(join(movedTo, basename(path)), { force: true });
    },
  };
}

/** Whether a file in a run folder is a lock or its temporary file. */
export function isLockFile(name: string): boolean {
  return LOCK_NAME.test(basename(name, '.tmp'));
}

/** Whether a process seems to use a folder, for listings. Changes nothing. */
export async function isLocked(folder: string): Promise<boolean> {
  for (const name of (await readdir(folder)).filter((one) => LOCK_NAME.test(one))) {
    const path = join(folder, name);
    const lock = await readLock(path).catch(() => null);
    if (lock === null) continue;
    if (
      lock.value.host === hostname() ? await isAlive(lock.value) : Date.now() - (await mtimeMs(path)) < 2 * LAPSE_MS
    ) {
      return true;
    }
  }
  return false;
}

async function mtimeMs(path: string): Promise<number> {
  return stat(path).then(
    (stats) => stats.mtimeMs,
    () => 0,
  );
}

/** A lock that prevents this process from using a folder. */
interface Obstacle {
  refusal: string;
  /** The lock of another machine, whose process may be dead. */
  watch?: { path: string; content: string };
}

/** Null if this process now holds the lock. Stale locks are removed. */
async function obstacleTo(folder: string, own: string, silent: ReadonlySet<string>): Promise<Obstacle | null> {
  const names = (await readdir(folder)).filter((name) => LOCK_NAME.test(name));
  if (!names.includes(own)) return { refusal: `${folder} was moved while it was being opened. Try again.` };
  for (const name of names) {
    const obstacle = name === own ? null : await obstacleBy(folder, name, silent);
    if (obstacle !== null) return obstacle;
  }
  for (const name of names) if (name !== own) await rm(join(folder, name), { force: true });
  return null;
}

async function obstacleBy(folder: string, name: string, silent: ReadonlySet<string>): Promise<Obstacle | null> {
  const path = join(folder, name);
  let lock: Awaited<ReturnType<typeof readLock>>;
  try {
    lock = await readLock(path);
  } catch (error) {
    return { refusal: `Cannot read the lock ${path} (${messageOf(error)}). Delete it if no run uses the folder.` };
  }
  if (lock === null || silent.has(lock.content)) return null;
  const { pid, host, startedAt } = lock.value;
  const refusal = `${folder} is in use by another run (process ${pid} on ${host} since ${startedAt}).`;
  if (host !== hostname()) return { refusal, watch: { path, content: lock.content } };
  return (await isAlive(lock.value)) ? { refusal: `${refusal} Wait for it to end, or stop it.` } : null;
}

/** Null if the lock was just released. */
async function readLock(path: string): Promise<{ content: string; value: Lock } | null> {
  try {
    const content = await readFile(path, 'utf8');
    const value = parseJson(content);
    if (!checkLock.fits(value)) throw new Error(checkLock.problem());
    return { content, value };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Whether a lock stays unchanged for `lapseMs`. */
async function keepsSilent({ path, content }: { path: string; content: string }, lapseMs: number): Promise<boolean> {
  const start = performance.now();
  while (performance.now() - start < lapseMs) {
    await sleep(Math.min(1000, lapseMs / 4));
    const lock = await readLock(path).catch(() => null);
    if (lock?.content !== content) return false;
  }
  return true;
}

async function describeLock(): Promise<Lock> {
  return {
    pid: process.pid,
    startedAt: new Date().toISOString(),
    host: hostname(),
    process: await processIdentity(process.pid),
    beats: 0,
  };
}

/** @param lock lock of a process on this machine */
async function isAlive(lock: Lock): Promise<boolean> {
  try {
    process.kill(lock.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  if (lock.process !== null) return lock.process === (await processIdentity(lock.pid));
  return Date.parse(lock.startedAt) > Date.now() - uptime() * 1000 - CLOCK_SLACK_MS; // otherwise from before a reboot
}

/** On Linux, the boot id and the start time of a process within it; null if it has ended, and on other systems. */
async function processIdentity(pid: number): Promise<string | null> {
  try {
    const [boot, stat] = await Promise.all([
      readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
      readFile(`/proc/${pid}/stat`, 'utf8'),
    ]);
    // "pid (name) state ppid ...": the name may contain anything. Field 3 is the state, 22 the start. Source: proc(5)
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ended = fields[0] === 'Z' || fields[0] === 'X';
    return ended ? null : `${boot.trim()}/${fields[22 - 3]}`;
  } catch {
    return null;
  }
}
