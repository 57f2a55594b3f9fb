import { rename, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { messageOf, UserError } from '../shared/errors.js';
import { say } from '../shared/log.js';

/** A file this old is that of a process that is stopped or gone: it is rewritten ten times as often. */
const INTERVAL_MS = 2000;

/** What a heartbeat file says. */
export interface HeartbeatState {
  pid: number;
  host: string;
  /** `starting` until the first question; the last three are final. */
  state: 'starting' | 'running' | 'complete' | 'interrupted' | 'failed';
  /** null before the first one is loaded. */
  benchmark: string | null;
  /** Of this benchmark, with those of earlier sessions. */
  answered: number;
  failed: number;
  questions: number;
  startedAt: string; // ISO 8601, UTC, as are all times
  /** When answers were last put on the disk; null before. */
  lastBatchAt: string | null;
  /** When this was written. */
  writtenAt: string;
}

export interface Heartbeat {
  /** Takes effect with the next writing. */
  update(changes: Partial<Omit<HeartbeatState, 'pid' | 'host' | 'startedAt' | 'writtenAt'>>): void;
  /** Writes the final state. */
  stop(state: 'complete' | 'interrupted' | 'failed'): Promise<void>;
}

/**
 * Rewrites a file every two seconds for as long as this process is alive and not stuck, also while one batch takes long.
 * It is replaced as a whole, so that a reader never sees half of it, and not flushed: it is of no use after a crash.
 * @param path null for none
 * @throws UserError when it cannot be written at the start
 */
export async function startHeartbeat(path: string | null): Promise<Heartbeat> {
  if (path === null) return { update() {}, async stop() {} };
  const now = (): string => new Date().toISOString();
  const current: HeartbeatState = {
    pid: process.pid,
    host: hostname(),
    state: 'starting',
    benchmark: null,
    answered: 0,
    failed: 0,
    questions: 0,
    startedAt: now(),
    lastBatchAt: null,
    writtenAt: now(),
  };
  const temporary = `${path}.${process.pid}.tmp`;
  const write = async (): Promise<void> => {
    current.writtenAt = now();
    await writeFile(temporary, `${JSON.stringify(current, null, 2)}\n`);
    await rename(temporary, path);
  };
  await write().catch((error) => {
    throw new UserError(`--heartbeat ${path} cannot be written: ${messageOf(error)}`, { cause: error });
  });

  let writing: Promise<void> | null = null;
  let isBroken = false;
  const beat = (): void => {
    writing ??= write()
      .then(
        () => {
          isBroken = false;
        },
        (error) => {
          if (!isBroken) say('warn', `${path} cannot be written: ${messageOf(error)}`);
          isBroken = true; // said once, not every two seconds
        },
      )
      .finally(() => {
        writing = null;
      });
  };
  const timer = setInterval(beat, INTERVAL_MS).unref();
  return {
    update(changes) {
      Object.assign(current, changes);
    },
    async stop(state) {
      clearInterval(timer);
      await writing;
      current.state = state;
      beat();
      await writing;
    },
  };
}
