import { hostname } from 'node:os';
import { messageOf, UserError } from '../shared/errors.js';
import { say } from '../shared/log.js';
import { writeOutput } from '../shared/write-output.js';

const INTERVAL_MS = 2000; // a health check can treat a file that is 20 s old as that of a dead process

/** Content of a heartbeat file. */
export interface HeartbeatState {
  pid: number;
  host: string;
  /** `starting` until the first question is asked; the last three are final. */
  state: 'starting' | 'running' | 'complete' | 'interrupted' | 'failed';
  /** Null until the first benchmark is loaded. */
  benchmark: string | null;
  /** Answered questions of this benchmark, including earlier sessions. */
  answered: number;
  failed: number;
  questions: number;
  startedAt: string; // ISO 8601, UTC, as are all times
  /** When answers were last written to disk; null before the first batch. */
  lastBatchAt: string | null;
  /** When this file was written. */
  writtenAt: string;
}

export interface Heartbeat {
  /** Changes the state; the file follows at the next interval. */
  update(changes: Partial<Omit<HeartbeatState, 'pid' | 'host' | 'startedAt' | 'writtenAt'>>): void;
  /** Writes the final state. */
  stop(state: 'complete' | 'interrupted' | 'failed'): Promise<void>;
}

/**
 * Rewrites a file every two seconds while this process is alive and responsive, even during a long batch. It is not flushed:
 * after a crash it is useless anyway.
 * @param path null for no heartbeat
 * @throws UserError if the file cannot be written at the start
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
  const write = async (): Promise<void> => {
    current.writtenAt = now();
    await writeOutput(path, `${JSON.stringify(current, null, 2)}\n`, { isBeat: true });
  };
  await write().catch((error) => {
    throw new UserError(`--heartbeat: ${messageOf(error)}`, { cause: error });
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
          if (!isBroken) say('warn', messageOf(error));
          isBroken = true; // warn once, not every two seconds
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
