import { setMaxListeners } from 'node:events';
import { min } from 'simple-statistics';
import { UserError } from '../shared/errors.js';
import { DEFAULT_RETRY, type RetryPolicy, TemporaryFailure } from '../shared/http/retry.js';
import type { RequestLimit } from './adaptive-limit.js';
import { type ChatClient, ChatError, type TimedReply } from './chat-client.js';
import type { ChatRequest } from './chat-completion.js';

/** Several servers of the same model that share the requests. */
export interface ChatPool {
  /**
   * Waits until a server has room, sends the request to the one with the most, and retries there or elsewhere after a
   * temporary failure.
   * @param prepare builds the request once there is room for it
   * @throws ChatError when the request itself is refused or fails every time; UserError when no server is left; the
   *   signal's reason when it is aborted
   */
  ask(prepare: () => Promise<ChatRequest>, signal: AbortSignal): Promise<TimedReply>;
  /** Why servers were given up, each reason once. */
  lost(): string[];
}

export interface PoolOptions {
  limitOf(client: ChatClient): RequestLimit;
  /** Called with a sentence for the user when a server fails. */
  onNotice(message: string): void;
  /** How often a request may fail, and how often a server may fail in a row. */
  retry?: RetryPolicy;
}

/** A server and its state. */
interface Member {
  client: ChatClient;
  limit: RequestLimit;
  inFlight: number;
  /** Failures in a row; those of requests that were in flight together count once. */
  failures: number;
  /** The requests that failed, identified by their `prepare`. */
  failedRequests: Set<unknown>;
  /** No request is sent before this time of `performance.now()`. */
  pausedUntil: number;
  /** Why the server is no longer used; null while it is. */
  gone: string | null;
}

const MAX_PAUSE_MS = 30_000;
/** From this many bad answers in a row on, the server is blamed instead of the question. */
const PATIENCE = 3;
/** A request is given up after this many timeouts, because each takes long. */
const MAX_TIMEOUTS = 3;

/**
 * Shares requests among servers of the same model. Each has a limit of its own; one that fails is paused or left out, and its
 * requests are tried again on any that is left.
 * @param limitOf concurrent requests of a server
 * @param onNotice told of every pause and of servers that are left out
 */
export function openChatPool(
  clients: readonly ChatClient[],
  { limitOf, onNotice, retry = DEFAULT_RETRY }: PoolOptions,
): ChatPool {
  const members = clients.map(
    (client): Member => ({
      client,
      limit: limitOf(client),
      inFlight: 0,
      failures: 0,
      failedRequests: new Set<unknown>(),
      pausedUntil: Number.NEGATIVE_INFINITY,
      gone: null,
    }),
  );
  const room = openWaitingRoom();

  /** Waits for a server with room for a request, and counts the request as sent. */
  const enter = async (signal: AbortSignal): Promise<Member> => {
    for (;;) {
      signal.throwIfAborted();
      const left = members.filter(({ gone }) => gone === null);
      if (left.length === 0) throw noServerLeft(lost());
      const now = performance.now();
      const [freest] = left
        .filter(({ inFlight, limit, pausedUntil }) => pausedUntil <= now && inFlight < limit.current)
        .sort((a, b) => a.inFlight / a.limit.current - b.inFlight / b.limit.current);
      if (freest) {
        freest.inFlight++;
        return freest;
      }
      const ends = left.map(({ pausedUntil }) => pausedUntil - now).filter((ms) => ms > 0);
      await room.wait(ends.length > 0 ? min(ends) : null, signal);
    }
  };

  const giveUp = (member: Member, reason: string): void => {
    if (member.gone !== null) return;
    member.gone = reason;
    const others = members.filter(({ gone }) => gone === null).length;
    if (others > 0) onNotice(`${reason}. Continuing without ${member.client.baseUrl}; servers left: ${others}.`);
    room.wakeAll();
  };

  const pause = (member: Member, failure: TemporaryFailure, startedAt: number, request: unknown): void => {
    if (failure.kind === 'overloaded' || failure.kind === 'timeout') member.limit.overloaded(startedAt);
    member.failedRequests.add(request);
    if (startedAt < member.pausedUntil) return; // was already in flight at the last failure
    member.failures++;
    if (!failure.isWorthWaiting) {
      giveUp(member, `${failure.message} (asks to wait ${Math.ceil(failure.retryAfterMs / 1000)} s)`);
      return;
    }
    if (failure.kind === 'broken' && member.failures < PATIENCE) return;
    // A server is not given up because of one question that it cannot answer.
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

  const lost = (): string[] => [...new Set(members.flatMap(({ gone }) => gone ?? []))];

  return {
    lost,
    async ask(prepare, signal) {
      setMaxListeners(0, signal); // every request adds a listener
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

/** Whether the request may be the cause, which it is not when a server is unreachable or overloaded. */
function concernsRequest({ kind }: TemporaryFailure): boolean {
  return kind === 'broken' || kind === 'timeout';
}

function noServerLeft(reasons: readonly string[]): UserError {
  return new UserError(
    `${reasons.length === 1 ? 'The server can' : 'The servers can'} no longer be used: ${reasons.join('; ')}. ` +
      'Answers so far are saved: rerun the command to resume.',
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
