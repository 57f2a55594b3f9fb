import { fork } from 'node:child_process';
import { Worker } from 'node:worker_threads';
import { messageOf } from './errors.js';
import { pendingRequests } from './pending-requests.js';
import { ALIVE_INTERVAL_MS, type SilenceWatch, watchSilence } from './silence-watch.js';
import { STOP_SIGNALS } from './stop-signals.js';

/*
 * Both ends of a process for work on untrusted files that may hang or run out of memory, which in a thread would take
 * down the whole program. The process sends regular signs of life, which it cannot while it hangs; its parent kills it
 * after a period of silence.
 */

export interface WatchedProcess<Request, Answer> {
  /** @throws the error from `failureError` or `endedError` */
  ask(request: Request): Promise<Answer>;
  close(): void;
}

export interface WatchedOptions<Note> {
  heapMegabytes: number;
  /** How long the process may be silent while it has pending requests. */
  stallMs: number;
  /** Makes the error for requests to a process that hung or crashed. `how` continues "reading it". */
  endedError(how: string): Error;
  /** Makes the error for a request that failed in the process. */
  failureError(failure: Failure): Error;
  /** Called with messages from `tellParent`. */
  onNote?(note: Note): void;
}

/** The parts of an error that are sent between processes. */
export interface Failure {
  name: string;
  message: string;
  code: unknown;
}

type ToChild<Request> = { id: number; request: Request };
type FromChild<Answer, Note> = { kind: 'alive' } | { kind: 'note'; note: Note } | Response<Answer>;
type Response<Answer> =
  | { kind: 'answer'; id: number; answer: Answer }
  | { kind: 'failure'; id: number; failure: Failure };

/**
 * Starts a process whose module calls `answerParent`. It ends with its parent, and does not keep the parent running
 * while it is idle.
 */
export function startWatchedProcess<Request, Answer, Note = never>(
  module: URL,
  { heapMegabytes, stallMs, endedError, failureError, onNote }: WatchedOptions<Note>,
): WatchedProcess<Request, Answer> {
  const child = fork(module, {
    serialization: 'advanced',
    execArgv: [`--max-old-space-size=${heapMegabytes}`],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const requests = pendingRequests<ToChild<Request>, Response<Answer>>((request) => {
    if (requests.count === 1) watchAnew();
    if (child.connected) child.send(request, () => {}); // if it has just ended, `exit` reports that
  });
  let watch: SilenceWatch | undefined;
  let hasStarted = false;

  const kill = (): void => {
    child.kill('SIGKILL');
  };
  const end = (how: string): void => {
    process.off('exit', kill);
    watch?.stop();
    requests.end(endedError(how));
  };
  const watchAnew = (): void => {
    watch?.stop();
    if (requests.count === 0) {
      child.channel?.unref();
      child.unref();
      return;
    }
    // The channel of a process that crashes closes before its exit is reported, so this program waits for both.
    child.channel?.ref();
    child.ref();
    watch = watchSilence(stallMs, () => {
      end(`hung (no response for ${stallMs / 1000} s)`);
      kill();
    });
    if (hasStarted) watch.heard();
  };

  process.on('exit', kill);
  child.on('error', (error) => end(`failed (${error.message})`));
  child.on('exit', (code, signal) => end(`crashed the reader process (${signal ?? `code ${code}`})`));
  child.on('message', (message: FromChild<Answer, Note>) => {
    hasStarted = true;
    if (message.kind === 'note') onNote?.(message.note);
    else if (message.kind !== 'alive') requests.settle(message);
    watchAnew();
  });
  watchAnew();
  return {
    async ask(request) {
      const response = await requests.ask({ request });
      if (response.kind === 'failure') throw failureError(response.failure);
      return response.answer;
    },
    close() {
      end('was cancelled');
      kill();
    },
  };
}

/** Turns this process, started by `startWatchedProcess`, into one that answers requests until its parent ends. */
export function answerParent<Request, Answer>(answer: (request: Request) => Promise<Answer>): void {
  const send = (message: FromChild<Answer, never>): void => void process.send?.(message);
  process.on('message', async ({ id, request }: ToChild<Request>) => {
    try {
      send({ kind: 'answer', id, answer: await answer(request) });
    } catch (error) {
      const { name, code } = error as { name: string; code?: unknown };
      send({ kind: 'failure', id, failure: { name, message: messageOf(error), code } });
    }
  });
  process.on('disconnect', () => process.exit());
  // Signals are handled by the parent, which may still need an answer.
  for (const signal of [...STOP_SIGNALS, 'SIGHUP'] as const) process.on(signal, () => {});
  const sayAlive = (): void => send({ kind: 'alive' });
  sayAlive();
  setInterval(sayAlive, ALIVE_INTERVAL_MS);
  endWithParent();
}

/** Sends the parent a message that is not an answer. */
export function tellParent<Note>(note: Note): void {
  process.send?.({ kind: 'note', note });
}

/** A hanging process does not notice that its parent was killed, so a separate thread watches. */
function endWithParent(): void {
  const program = `setInterval(() => process.ppid === ${process.ppid} || process.kill(process.pid, 'SIGKILL'), ${ALIVE_INTERVAL_MS})`;
  new Worker(program, { eval: true }).unref();
}
