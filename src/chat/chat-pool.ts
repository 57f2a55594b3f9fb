import { setMaxListeners } from 'node:events';
import { UserError } from '../shared/errors.js';
import { DEFAULT_RETRY, type RetryPolicy, TemporaryFailure } from '../shared/http/retry.js';
import type { RequestLimit } from './adaptive-limit.js';
import { type ChatClient, ChatError, type TimedReply } from './chat-client.js';
import type { ChatRequest } from './chat-completion.js';

/** Equal servers that share the requests. */
export interface ChatPool {
  /**
   * Sends a request to the server with the most room, when one has room, and to another or the same again after a failure
   * that may pass.
   * @param prepare makes the request once there is room for it
   * @throws ChatError when the request itself is refused or fails every time; UserError when no server is left; the
   *   signal's reason when it is aborted
   */
  ask(prepare: () => Promise<ChatRequest>, signal: AbortSignal): Promise<TimedReply>;
}

export interface PoolOptions {
  limitOf(client: ChatClient): RequestLimit;
  /** Called with what happens to a server, in a sentence for the user. */
  onNotice(message: string): void;
  /** How often a request, and how often a server in a row, may fail. */
  retry?: RetryPolicy;
}

/** A server and what is known of it. */
interface Member {
  client: ChatClient;
  limit: RequestLimit;
  inFlight: number;
  /** Failures without an answer in between; those of requests that were under way together count once. */
  failures: number;
  /** The requests that these were, told apart by their `prepare`. */
  failedRequests: Set<unknown>;
  /** By the clock: nothing is sent before. */
  pausedUntil: number;
  /** Why nothing is sent any more. */
  gone: string | null;
}

const MAX_PAUSE_MS = 30_000;
/** Bad answers in a row from which on they are taken for the server's fault instead of the question's. */
const PATIENCE = 3;
/** A request is given up after so many timeouts: waiting for them takes long. */
const MAX_TIMEOUTS = 3;

export function openChatPool(
  clients: readonly ChatClient[],
  { limitOf, onNotice, retry = DEFAULT_RETRY }: PoolOptions,
): ChatPool {
  const members = clients.map(
    (client): Member => ({
      ...{ client, limit: limitOf(client), inFlight: 0 },
      ...{ failures: 0, failedRequests: new Set<unknown>(), pausedUntil: Number.NEGATIVE_INFINITY, gone: null },
    }),
  );
  const room = openWaitingRoom();

  /** A server with room for a request, which is counted as sent. */
  const enter = async (signal: AbortSignal): Promise<Member> => {
    for (;;) {
      signal.throwIfAborted();
      const left = members.filter(({ gone }) => gone === null);
      if (left.length === 0) throw noServerLeft(members);
      const now = performance.now();
      const [freest] = left
        .filter(({ inFlight, limit, pausedUntil }) => pausedUntil <= now && inFlight < limit.current)
        .sort((a, b) => a.inFlight / a.limit.current - b.inFlight / b.limit.current);
      if (freest) {
        freest.inFlight++;
        return freest;
      }
      const ends = left.map(({ pausedUntil }) => pausedUntil - now).filter((ms) => ms > 0);
      await room.wait(ends.length > 0 ? Math.min(...ends) : null, signal);
    }
  };

  const giveUp = (member: Member, reason: string): void => {
    if (member.gone !== null) return;
    member.gone = reason;
    const others = members.filter(({ gone }) => gone === null).length;
    if (others > 0) onNotice(`${reason}. Going on without ${member.client.baseUrl}; servers left: ${others}.`);
    room.wakeAll();
  };

  const pause = (member: Member, failure: TemporaryFailure, startedAt: number, request: unknown): void => {
    if (failure.kind === 'overloaded' || failure.kind === 'timeout') member.limit.overloaded(startedAt);
    member.failedRequests.add(request);
    if (startedAt < member.pausedUntil) return; // was under way when the last failure came
    member.failures++;
    if (!failure.isWorthWaiting) {
      giveUp(member, `${failure.message} (asks to wait ${Math.ceil(failure.retryAfterMs / 1000)} s)`);
      return;
    }
    if (failure.kind === 'broken' && member.failures < PATIENCE) return;
    // One question that a server cannot answer does not make it a bad one.
    const isItsFault = !concernsRequest(failure) || member.failedRequests.size >= PATIENCE;
    if (member.failures > retry.retries && isItsFault) {
      giveUp(member, failure.message);
      return;
    }
    const backoff = Math.min(MAX_PAUSE_MS, retry.minTimeoutMs * 2 ** (member.failures - 1));
    const ms = Math.max(failure.retryAfterMs, backoff * (0.75 + Math.random() / 2));
    member.pausedUntil = performance.now() + ms;
    onNotice(`${failure.message}. Next try in ${seconds(ms)} (failure ${member.failures} in a row).`);
  };

  return {
    async ask(prepare, signal) {
      setMaxListeners(0, signal); // every request listens
      let request: ChatRequest | null = null;
      let failures = 0;
      let timeouts = 0;
      for (;;) {
        const member = await enter(signal);
        const startedAt = performance.now();
        try {
          request ??= await prepare();
          const reply = await member.client.ask(request, signal);
          member.failures = 0;
          member.failedRequests.clear();
          member.limit.answered();
          return reply;
        } catch (error) {
          signal.throwIfAborted();
          if (error instanceof ChatError && error.concerns === 'server') giveUp(member, error.message);
          else if (!(error instanceof TemporaryFailure)) throw error;
          else {
            pause(member, error, startedAt, prepare);
            if (concernsRequest(error)) failures++;
            if (error.kind === 'timeout') timeouts++;
            if (failures > retry.retries || timeouts === MAX_TIMEOUTS)
              throw new ChatError(error.message, 'question', { cause: error });
          }
        } finally {
          member.inFlight--;
          room.wakeAll();
        }
      }
    },
  };
}

/** Whether the request may be the cause. A server that is not there or has too much to do says nothing about it. */
function concernsRequest({ kind }: TemporaryFailure): boolean {
  return kind === 'broken' || kind === 'timeout';
}

function noServerLeft(members: readonly Member[]): UserError {
  const reasons = [...new Set(members.map(({ gone }) => gone!))];
  return new UserError(
    `${members.length === 1 ? 'The server does' : 'None of the servers does'} not answer any more: ${reasons.join('; ')}. ` +
      'Answers so far are kept: when it is back, rerun the command to resume.',
  );
}

/** Lets tasks wait until something changes. */
function openWaitingRoom() {
  let change = newChange();
  return {
    /** @param ms wait no longer than this; null for no limit */
    async wait(ms: number | null, signal: AbortSignal): Promise<void> {
      const { promise } = change;
      let timer: NodeJS.Timeout | undefined;
      let stop: (() => void) | undefined;
      await Promise.race([
        promise,
        new Promise<void>((resolve) => {
          if (ms !== null) timer = setTimeout(resolve, ms);
          stop = resolve;
          signal.addEventListener('abort', stop);
        }),
      ]);
      clearTimeout(timer);
      signal.removeEventListener('abort', stop!);
    },
    wakeAll(): void {
      change.resolve();
      change = newChange();
    },
  };
}

function newChange(): { promise: Promise<void>; resolve: () => void } {
  let resolve!: () => void;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;
}
