import { randomBytes, randomInt } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { hostname, uptime } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, UserError } from '../errors.js';
import { parseJson } from '../parse-json.js';
import { writeJson } from './write-json.js';

// Every process that wants a folder first leaves a lock file of its own in it, then looks for others. Of two that come
// at the same time, at least one sees the other, so two can never both believe they are alone. Nobody has to remove
// another's file to get in: that is where two takeovers of one dead lock would collide.
const LOCK_NAME = /^lock-[0-9a-f]{16}\.json$/;
const CLOCK_SLACK_MS = 60_000; // the clock may have been set since the system started
const ATTEMPTS = 3; // two that came together both withdrew: try again at different moments

interface Lock {
  pid: number;
  startedAt: string;
  host: string;
  /** Tells the process from a later one of the same number; null where the system does not say. */
  process: string | null;
}

/**
 * Locks a folder for this process. Locks of processes that are gone, or from before a reboot, are removed.
 * @returns name of the lock file in the folder, for `unlockFolder`
 * @throws UserError naming the process that works in the folder
 */
export async function lockFolder(folder: string): Promise<string> {
  const name = `lock-${randomBytes(8).toString('hex')}.json`;
  for (let attempt = 1; ; attempt++) {
    await writeJson(join(folder, name), await describeLock());
    const refusal = await refusalOf(folder, name);
    if (refusal === null) return name;
    await unlockFolder(folder, name);
    if (attempt === ATTEMPTS) throw new UserError(refusal);
    await sleep(randomInt(10, 100)); // ms
  }
}

export async function unlockFolder(folder: string, name: string): Promise<void> {
  await rm(join(folder, name), { force: true });
}

/** Whether a file in a run folder is a lock, or one that was being written. */
export function isLockFile(name: string): boolean {
  return LOCK_NAME.test(basename(name, '.tmp'));
}

/** Why a lock file does not give its owner the folder; null when it does. Dead locks are removed. */
async function refusalOf(folder: string, own: string): Promise<string | null> {
  const names = (await readdir(folder)).filter((name) => LOCK_NAME.test(name));
  if (!names.includes(own)) return `${folder} was moved away while it was being opened. Try again.`;
  for (const name of names) {
    const refusal = name === own ? null : await refusalBy(folder, name);
    if (refusal !== null) return refusal;
  }
  for (const name of names) if (name !== own) await unlockFolder(folder, name);
  return null;
}

async function refusalBy(folder: string, name: string): Promise<string | null> {
  const path = join(folder, name);
  let lock: Lock;
  try {
    lock = parseJson(await readFile(path, 'utf8')) as Lock;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null; // just released
    return `${path} cannot be read (${messageOf(error)}). Delete it if no run uses the folder.`;
  }
  if (!(await isAlive(lock))) return null;
  const inUse = `${folder} is in use by another run (process ${lock.pid} on ${lock.host} since ${lock.startedAt}).`;
  return lock.host === hostname()
    ? `${inUse} Wait for it to end, or stop it.`
    : `${inUse} If that machine no longer runs it, delete ${path}.`;
}

async function describeLock(): Promise<Lock> {
  return {
    pid: process.pid,
    startedAt: new Date().toISOString(),
    host: hostname(),
    process: await processIdentity(process.pid),
  };
}

async function isAlive(lock: Lock): Promise<boolean> {
  if (lock.host !== hostname()) return true; // cannot be asked from here
  try {
    process.kill(lock.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  if (lock.process !== null) return lock.process === (await processIdentity(lock.pid));
  return Date.parse(lock.startedAt) > Date.now() - uptime() * 1000 - CLOCK_SLACK_MS; // else from before a reboot
}

/** On Linux the boot and the moment in it at which a process began; null for one that has ended, and elsewhere. */
async function processIdentity(pid: number): Promise<string | null> {
  try {
    const [boot, stat] = await Promise.all([
      readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
      readFile(`/proc/${pid}/stat`, 'utf8'),
    ]);
    // "pid (name) state ppid ...": the name may hold anything. Field 3 is the state, 22 the start. Source: proc(5)
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ended = fields[0] === 'Z' || fields[0] === 'X';
    return ended ? null : `${boot.trim()}/${fields[22 - 3]}`;
  } catch {
    return null;
  }
}
