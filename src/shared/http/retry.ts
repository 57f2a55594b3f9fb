import { setTimeout as sleep } from 'node:timers/promises';
import pRetry from 'p-retry';
import { logEvent, say } from '../log.js';

/** Number of retries after a temporary failure, and the pause before them. */
export interface RetryPolicy {
  retries: number;
  /** Pause before the first retry, doubled for each further one up to 30 to 60 s. Retry-After is added. */
  minTimeoutMs: number;
}

export const DEFAULT_RETRY: RetryPolicy = { retries: 6, minTimeoutMs: 1000 };
const MAX_PAUSE_MS = 30_000;
/** Do not retry if the server asks for a longer pause. */
const MAX_RETRY_AFTER_MS = 120_000;

/**
 * Why a request failed: the server has too much to do, does not answer in time, is not there, or sent something else
 * than an answer.
 */
export type FailureKind = 'overloaded' | 'timeout' | 'unreachable' | 'broken';

/** A failure that a retry may fix: too many requests, a server error, a broken connection. */
export class TemporaryFailure extends Error {
  override name = 'TemporaryFailure';
  readonly kind: FailureKind;

  constructor(
    message: string,
    /** The pause requested by the server. */
    readonly retryAfterMs = 0,
    { kind = 'broken', ...options }: ErrorOptions & { kind?: FailureKind } = {},
  ) {
    super(message, options);
    this.kind = kind;
  }

  /** Whether the requested pause is short enough to wait. */
  get isWorthWaiting(): boolean {
    return this.retryAfterMs <= MAX_RETRY_AFTER_MS;
  }
}

/**
 * Retries a call with increasing pauses while it throws `TemporaryFailure`.
 * @throws any other error immediately; the last `TemporaryFailure` when no retries are left or the server asks for a pause
 * of more than two minutes; the signal's reason when it is aborted
 */
export function retryTemporary<T>(
  once: () => Promise<T>,
  { retries, minTimeoutMs }: RetryPolicy,
  signal?: AbortSignal,
): Promise<T> {
  return pRetry(once, {
    retries,
    ...{ minTimeout: 0, maxTimeout: 0 }, // pauses are made below, where their length is known
    signal,
    shouldRetry: ({ error }) => error instanceof TemporaryFailure && error.isWorthWaiting,
    async onFailedAttempt({ error, attemptNumber, retriesLeft }) {
      if (retriesLeft === 0 || !(error instanceof TemporaryFailure) || !error.isWorthWaiting) return;
      const backoffMs = Math.min(MAX_PAUSE_MS, minTimeoutMs * 2 ** (attemptNumber - 1)) * (1 + Math.random());
      const pauseMs = error.retryAfterMs + backoffMs;
      tellRetry(error.message, pauseMs, attemptNumber);
      await sleep(pauseMs, undefined, { signal }).catch(() => signal?.throwIfAborted());
    },
  });
}

/** A pause from this length on is told even after a single failure. */
const LONG_PAUSE_MS = 10_000;

/**
 * Tells the user that something is tried again, from the second failure in a row on: single ones are common. Nobody is left
 * waiting without a word for longer than a few seconds.
 * @param failures in a row
 */
export function tellRetry(message: string, pauseMs: number, failures: number): void {
  logEvent('info', 'retry', { message, pauseMs, failures });
  if (failures === 1 && pauseMs < LONG_PAUSE_MS) return;
  const inARow = failures > 1 ? ` (failure ${failures} in a row)` : '';
  say('warn', `${message}. Trying again in ${Math.ceil(pauseMs / 1000)} s${inARow}.`);
}

/** Request timeout, too early, too many requests, and all server errors (RFC 9110, RFC 6585, RFC 8470). */
export function isTemporaryStatus(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || status >= 500;
}

/**
 * The pause requested by a response, in milliseconds; 0 if the header is missing or invalid.
 * @param header Retry-After: a number of seconds or a date (RFC 9110, 10.2.3)
 */
export function retryAfterMs(header: string | null): number {
  const text = header?.trim() ?? '';
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  const ms = /[a-z]/i.test(text) ? Date.parse(text) - Date.now() : Number.NaN;
  return Number.isNaN(ms) ? 0 : Math.max(0, ms);
}
