import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type FSWatcher, watch } from 'node:fs';
import { cp, readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { EXIT } from '../src/shared/errors.js';
import { isLockFile } from '../src/shared/folder-lock.js';
import { isTemporaryFile } from '../src/shared/json-file.js';
import { PACKAGE_ROOT } from '../src/shared/package-root.js';

const MOST_DELAY_MS = 20; // about as long as a batch of the embedded model takes
const ONE_INTERRUPT_IN = 8;

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface Running {
  child: ChildProcess;
  ended: Promise<Ended>;
}

/** @param wrap a command that runs the one after it, such as `unshare` */
export function startLlavahr(
  args: readonly string[],
  variables: Record<string, string>,
  wrap: readonly string[] = [],
): Running {
  const [program, ...others] = [...wrap, process.execPath, join(PACKAGE_ROOT, 'bin', 'llavahr'), ...args];
  const env = { ...process.env, ...variables };
  const child = spawn(program!, others, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr] = [child.stdout, child.stderr].map((stream) => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    return () => Buffer.concat(chunks).toString();
  });
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, stdout: stdout!(), stderr: stderr!() }));
  return { child, ended };
}

export interface KillPoint {
  signal: 'SIGINT' | 'SIGKILL';
  changes: number;
  delayMs: number;
}

/** A whole number of a range. */
export type Draw = (from: number, to: number) => number;

export function randomDraw(seed: number): Draw {
  const random = xoroshiro128plus(seed);
  return (from, to) => uniformInt(random, from, to);
}

/** @param changes file system changes of an uninterrupted process */
function drawKillPoint(draw: Draw, changes: number): KillPoint {
  const signal = draw(1, ONE_INTERRUPT_IN) === 1 ? 'SIGINT' : 'SIGKILL';
  return { signal, changes: draw(1, changes), delayMs: draw(0, MOST_DELAY_MS) };
}

/** A process that is killed at random moments and started again. */
export interface KilledProcess {
  /** Watched for changes. */
  folder: string;
  start: () => Running;
  /** File system changes of an undisturbed process. */
  changes: number;
  draw: Draw;
  /** How often it is killed at most. */
  kills: number;
  onKill(at: KillPoint): Promise<void>;
  /** Called before every start; what it returns is called when the process has ended. */
  watch?(): Promise<() => Promise<void>>;
}

/**
 * Kills a process and starts it again until it ends by itself.
 * @returns how often it was killed
 * @throws Error when it fails
 */
export async function killUntilDone({
  folder,
  start,
  changes,
  draw,
  kills,
  onKill,
  watch,
}: KilledProcess): Promise<number> {
  for (let done = 0; ; ) {
    const at = drawKillPoint(draw, changes);
    const afterwards = await watch?.();
    const ended = done < kills ? await killAt(folder, start, at) : await start().ended;
    await afterwards?.();
    if (ended.code === EXIT.done) return done;
    if (!killed(ended, at.signal)) throw unexpected(ended);
    done++;
    await onKill(at);
  }
}

/** Whether a signal ended a process. SIGINT does so before the command listens for it, and after it stops listening. */
function killed({ code, signal }: Ended, sent: NodeJS.Signals): boolean {
  return signal === sent || code === EXIT.interrupted;
}

/** Starts a process and sends it a signal after a number of changes in a folder, unless it has ended. */
async function killAt(folder: string, start: () => Running, { signal, changes, delayMs }: KillPoint): Promise<Ended> {
  let seen = 0;
  let reach: () => void = () => {};
  const reached = new Promise<void>((resolve) => {
    reach = resolve;
  });
  const watcher = watchBelow(folder, () => {
    if (++seen === changes) reach();
  });
  const { child, ended } = start();
  try {
    const isReached = await Promise.race([reached.then(() => true), ended.then(() => false)]);
    if (isReached) {
      await sleep(delayMs);
      child.kill(signal);
    }
    return await ended;
  } finally {
    watcher.close();
  }
}

function watchBelow(folder: string, onChange: () => void): FSWatcher {
  // An error is a folder that is gone before Node.js watches it.
  return watch(folder, { recursive: true }, onChange).on('error', () => {});
}

/** Lets a process end by itself. @returns the file system changes in a folder meanwhile */
export async function countChanges(folder: string, start: () => Running): Promise<{ changes: number; ended: Ended }> {
  let changes = 0;
  const watcher = watchBelow(folder, () => {
    changes++;
  });
  const ended = await start().ended.finally(() => watcher.close());
  if (ended.code !== EXIT.done) throw unexpected(ended);
  return { changes, ended };
}

export function unexpected({ code, signal, stderr }: Ended): Error {
  return new Error(`llavahr ended with ${code ?? signal}:\n${stderr}`);
}

/** @throws Error when two files differ; the first one's folder is kept beside it */
export async function expectSame(found: string, expected: string): Promise<void> {
  const [here, there] = await Promise.all([readFile(found), readFile(expected)]);
  if (here.equals(there)) return;
  const folder = join(found, '..');
  await cp(folder, `${folder}.different`, { recursive: true });
  throw new Error(`${found} differs from that of the uninterrupted run: ${folder}.different, ${expected}`);
}

/** Names of all files below a folder, sorted. Without those of a lock that was being made, which are kept for two minutes. */
export async function filesBelow(folder: string): Promise<string[]> {
  const files: string[] = [];
  for (const name of await readdir(folder, { recursive: true })) {
    const isUnbornLock = isLockFile(basename(name)) && isTemporaryFile(name);
    if (!isUnbornLock && (await stat(join(folder, name))).isFile()) files.push(name);
  }
  return files.sort();
}
