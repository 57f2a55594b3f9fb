import { fork } from 'node:child_process';
import { Worker } from 'node:worker_threads';
import { messageOf } from './errors.js';
import { pendingRequests } from './pending-requests.js';
import { ALIVE_INTERVAL_MS, type SilenceWatch, watchSilence } from './silence-watch.js';
import { STOP_SIGNALS } from './stop-signals.js';

/*
 * Both ends of a process for work that others' files can keep busy for ever, or make fill the memory: a thread would take
 * the whole program with it. The process says that it is alive, which it cannot while it is caught; the program that
 * started it ends it after a time of silence.
 */

export interface WatchedProcess<Request, Answer> {
  /** @throws what `failureError` or `endedError` made */
  ask(request: Request): Promise<Answer>;
  close(): void;
}

export interface WatchedOptions<Note> {
  heapMegabytes: number;
  /** How long the process may be silent while it has something to do. */
  stallMs: number;
  /** For whatever was asked of a process that hung or ended: `how` goes on after "reading it". */
  endedError(how: string): Error;
  /** For a request that failed in the process. */
  failureError(failure: Failure): Error;
  /** Called with what the process tells with `tellParent`. */
  onNote?(note: Note): void;
}

/** What is left of an error on its way between processes. */
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
 * Starts a process whose module calls `answerParent`. It ends with this one, and does not keep this one from ending while
 * it has nothing to do.
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
    if (child.connected) child.send(request, () => {}); // one that has ended meanwhile is told of by its `exit`
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
      return;
    }
    child.channel?.ref();
    watch = watchSilence(stallMs, () => {
      end(`does not end (${stallMs / 1000} s without a sign of life)`);
      kill();
    });
    if (hasStarted) watch.heard();
  };

  child.unref();
  process.on('exit', kill);
  child.on('error', (error) => end(`fails (${error.message})`));
  child.on('exit', (code, signal) => end(`ends the process that reads it (${signal ?? `code ${code}`})`));
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
      end('was given up');
      kill();
    },
  };
}

/** Makes this process one that `startWatchedProcess` started: answers what is asked, until the parent is gone. */
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
  // They are for the parent, which may still want an answer.
  for (const signal of [...STOP_SIGNALS, 'SIGHUP'] as const) process.on(signal, () => {});
  const sayAlive = (): void => send({ kind: 'alive' });
  sayAlive();
  setInterval(sayAlive, ALIVE_INTERVAL_MS);
  endWithParent();
}

/** Tells the parent something beside the answers. */
export function tellParent<Note>(note: Note): void {
  process.send?.({ kind: 'note', note });
}

/** A process that is caught does not see that its parent was killed; a thread beside it does. */
function endWithParent(): void {
  const program = `setInterval(() => process.ppid === ${process.ppid} || process.kill(process.pid, 'SIGKILL'), ${ALIVE_INTERVAL_MS})`;
  new Worker(program, { eval: true }).unref();
}
