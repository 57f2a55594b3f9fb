import { randomBytes, randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { hostname, uptime } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, UserError } from './errors.js';
import { isTemporaryFile, type Ownership, replaceFile } from './json-file.js';
import { COUNT, nullable, objectOf, POSITIVE, schemaCheck, TEXT } from './json-schema.js';
import { parseJson } from './parse-json.js';
import { processExists } from './process-exists.js';

/*
 * A process that locks a folder first creates its own lock file there, then looks for others. Of two processes that start
 * at the same time, at least one sees the other, so both can never hold the lock. No process has to remove another's
 * file to acquire the lock, which is where two takeovers of one stale lock would collide.
 *
 * Whether a process lives can be asked where its number means the same: in the same boot of the same kernel and the same PID
 * namespace. Host names tell neither: containers and machines may share one. Any other holder shows that it lives by changing
 * its lock file every few seconds; whoever finds such a lock watches it, without a lock of its own, for as long as several
 * changes take. No clock is compared: only this process's own measures the wait. So is a holder of which the system does not
 * tell (another user's with hidepid=2).
 *
 * A holder that was frozen for longer than that has lost the folder. Its lock file is gone, which it checks before each
 * write; and since it may be frozen between check and write, what it does then must do no harm: files that are appended to
 * are replaced by copies when a folder is opened, and its temporary files are deleted, so that it cannot rename any.
 * docs/decisions/0039-fenced-folders.md has the whole protocol.
 */
const LOCK_NAME = /^lock-[0-9a-f]{16}\.json$/;
const TOKEN_BYTES = 8;
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
  /** Boot and PID namespace in which `pid` means this process; null where the system does not say. Not in older locks. */
  space?: string | null;
  /** Counts up while the process lives. */
  beats: number;
}

const required = objectOf<Omit<Lock, 'space'>>({
  ...{ pid: POSITIVE, startedAt: TEXT, host: TEXT, process: nullable(TEXT), beats: COUNT },
});
const checkLock = schemaCheck<Lock>({ ...required, properties: { ...required['properties'], space: nullable(TEXT) } });

/** A folder that is this process's to work in. */
export interface FolderLock extends Ownership {
  /** @param movedTo where the folder is now, if it was renamed */
  release(movedTo?: string): Promise<void>;
}

export interface LockOptions {
  /** Called before watching the lock of another machine, which takes up to a minute. */
  onWait?: (message: string) => void;
  /** Waits for as long as the folder is in use instead of refusing. */
  waits?: boolean;
  /** Ends the waiting. */
  signal?: AbortSignal;
  lapseMs?: number; // default: one minute
  beatMs?: number; // default: 10 s
}

/**
 * Locks a folder for this process. Locks of dead processes, or from before a reboot, are removed.
 * @throws UserError naming the process that uses the folder
 */
export async function lockFolder(
  folder: string,
  { onWait, waits = false, signal, lapseMs = LAPSE_MS, beatMs = BEAT_MS }: LockOptions = {},
): Promise<FolderLock> {
  const token = randomBytes(TOKEN_BYTES).toString('hex');
  const name = `lock-${token}.json`;
  const path = join(folder, name);
  const silent = new Set<string>(); // contents of locks that did not change while being watched
  for (let attempt = 1; ; attempt++) {
    const lock = await describeLock();
    await replaceFile(path, (file) => file.writeFile(textOf(lock)));
    const obstacle = await obstacleTo(folder, name, silent);
    if (obstacle === null) {
      await removeTemporaryFiles(folder, { token });
      await removeUnbornLocks(folder, path);
      return heldLock(path, token, lock, beatMs);
    }
    await rm(path, { force: true });
    if (waits && !obstacle.watch) {
      if (attempt === 1) onWait?.(`${obstacle.refusal} Waiting for it to end.`);
      await sleep(randomInt(200, 1000), undefined, { signal });
      continue;
    }
    if (obstacle.watch) {
      onWait?.(`${obstacle.refusal} Waiting up to ${Math.round(lapseMs / 1000)} s to see whether it is still alive.`);
      const isSilent = await keepsSilent(obstacle.watch, lapseMs);
      if (isSilent) silent.add(obstacle.watch.content);
      else if (existsSync(obstacle.watch.path) && !waits)
        throw new UserError(`${obstacle.refusal} Wait for it to end, or stop it.`);
    }
    if (attempt >= ATTEMPTS && !waits) throw new UserError(obstacle.refusal);
    await sleep(randomInt(10, 100)); // ms
  }
}

/** Fixed length, so that a reader never sees a mix of two beats. */
function textOf(lock: Lock): string {
  return JSON.stringify(lock).padEnd(LOCK_BYTES);
}

/**
 * Deletes what earlier owners of a folder were writing: one that still lives, but was frozen, must not give it a name.
 * `lockFolder` does so in the folder itself, not in those that its lock protects, too.
 * @param folder need not exist
 */
export async function removeTemporaryFiles(folder: string, { token }: Pick<Ownership, 'token'>): Promise<void> {
  const files = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const names = files.filter((name) => isTemporaryFile(name) && !isLockFile(name));
  for (const name of names) if (!name.includes(token)) await rm(join(folder, name), { force: true });
}

/**
 * Deletes the temporary files of locks whose processes were killed before they had them. Those of processes that are about to
 * lock the folder are younger; both times are those of the file system's clock.
 */
async function removeUnbornLocks(folder: string, ownLock: string): Promise<void> {
  const now = await mtimeMs(ownLock);
  for (const name of await readdir(folder)) {
    if (!isLockFile(name) || !isTemporaryFile(name)) continue;
    const path = join(folder, name);
    if ((await mtimeMs(path)) < now - 2 * LAPSE_MS) await rm(path, { force: true });
  }
}

function heldLock(path: string, token: string, lock: Lock, beatMs: number): FolderLock {
  let beating = Promise.resolve();
  const beat = async (): Promise<void> => {
    lock.beats++;
    try {
      await writeFile(path, textOf(lock), { flag: 'r+' }); // in place, so that a removed lock is not recreated
    } catch {
      // One that is gone is noticed before the next write.
    }
  };
  const timer = setInterval(() => {
    beating = beating.then(beat);
  }, beatMs).unref();
  return {
    token,
    async check() {
      try {
        await readFile(path); // opened, not only looked up: a network file system asks the server then
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code !== 'ENOENT' && code !== 'ESTALE') throw error;
        throw new UserError(
          `${dirname(path)} was taken over by another run, since this one gave no sign of life for a minute (a paused ` +
            'machine, a stopped process?). What it had written before is kept.',
          { cause: error },
        );
      }
    },
    async release(movedTo = dirname(path)) {
      clearInterval(timer);
      await beating;
      // One that cannot be removed counts as that of a dead process as soon as this one has ended.
      await rm(join(movedTo, basename(path)), { force: true }).catch(() => {});
    },
  };
}

/** Whether a file in a run folder is a lock or its temporary file. */
export function isLockFile(name: string): boolean {
  return LOCK_NAME.test(name.replace(/(\.[0-9a-f]{16})?\.tmp$/, ''));
}

/** Whether a process seems to use a folder, for listings. Changes nothing. */
export async function isLocked(folder: string): Promise<boolean> {
  for (const name of (await readdir(folder)).filter((one) => LOCK_NAME.test(one))) {
    const path = join(folder, name);
    const lock = await readLock(path).catch(() => null);
    if (lock === null) continue;
    const life = await lifeOf(lock.value);
    if (life === 'alive' || (life === 'unknown' && Date.now() - (await mtimeMs(path)) < 2 * LAPSE_MS)) return true;
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
  const life = await lifeOf(lock.value);
  if (life === 'unknown') return { refusal, watch: { path, content: lock.content } };
  return life === 'alive' ? { refusal: `${refusal} Wait for it to end, or stop it.` } : null;
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
    process: identityIn(await processState(process.pid)),
    space: await pidSpace(),
    beats: 0,
  };
}

/** Whether the process of a lock lives; `unknown` where this process cannot tell. */
async function lifeOf(lock: Lock): Promise<'alive' | 'dead' | 'unknown'> {
  const space = await pidSpace();
  if (space === null ? lock.host !== hostname() || lock.space : lock.space !== space) return 'unknown';
  const exists = processExists(lock.pid);
  if (exists === null) return 'unknown';
  if (!exists) return 'dead';
  if (lock.process === null) {
    // Else from before a reboot.
    return Date.parse(lock.startedAt) > Date.now() - uptime() * 1000 - CLOCK_SLACK_MS ? 'alive' : 'dead';
  }
  const state = await processState(lock.pid);
  if (state === null) return 'unknown'; // /proc hides it
  return identityIn(state) === lock.process ? 'alive' : 'dead';
}

/** What makes process numbers comparable: the boot of the kernel and the PID namespace; null where there is no /proc. */
async function pidSpace(): Promise<string | null> {
  try {
    const [boot, namespace] = await Promise.all([
      readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
      readlink('/proc/self/ns/pid'),
    ]);
    return `${boot.trim()} ${namespace}`;
  } catch {
    return null;
  }
}

interface ProcessState {
  hasEnded: boolean;
  /** Clock ticks from the boot to its start. */
  start: string;
}

/** null where the system does not show it. */
async function processState(pid: number): Promise<ProcessState | null> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8');
    // "pid (name) state ppid ...": the name may hold anything. Field 3 is the state, 22 the start. Source: proc(5)
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { hasEnded: fields[0] === 'Z' || fields[0] === 'X', start: fields[22 - 3]! };
  } catch {
    return null;
  }
}

/** Tells a process from a later one of the same number; null for one that has ended or is not shown. */
function identityIn(state: ProcessState | null): string | null {
  return state === null || state.hasEnded ? null : state.start;
}
