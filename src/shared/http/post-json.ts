import { request } from 'undici';
import { UserError } from '../errors.js';
import { HIDDEN } from '../redact.js';
import { boundedBody } from './bounded-body.js';
import { connectionError, openConnections } from './connections.js';
import { retryAfterMs, TemporaryFailure } from './retry.js';

export interface PostOptions {
  /** Sent as `Authorization: Bearer`. Hidden in the answer and in errors if the server repeats it. */
  key?: string | undefined;
  /** For the whole exchange. */
  timeoutMs: number;
  /** The largest answer that is accepted. */
  maxBytes: number;
  signal: AbortSignal;
}

export interface PostAnswer {
  status: number;
  /** UTF-8, without the key. */
  text: string;
  /** The pause that the server asks for; see `retryAfterMs`. */
  retryAfterMs: number;
  /** Where a redirect leads. Redirects are not followed: the key is for the host that the user named. */
  location: string | null;
}

const MIN_SECRET_LENGTH = 8;

// The timeout for the whole exchange replaces undici's own: a model may compute for minutes before it answers.
const connections = openConnections({ headersTimeout: 0, bodyTimeout: 0 });

/**
 * One POST of JSON, through the proxy that the environment names. Use it within `retryTemporary`; what a status means is
 * the caller's to say.
 * @throws TemporaryFailure when the connection breaks, the time is over, or more than `maxBytes` are sent; UserError when
 *   the host does not exist or cannot be trusted; the signal's reason when it is aborted
 */
export async function postJson(
  url: string,
  body: unknown,
  { key, timeoutMs, maxBytes, signal }: PostOptions,
): Promise<PostAnswer> {
  // Not AbortSignal.timeout within AbortSignal.any: Node 20 may collect such a signal before it fires, and then waits for ever.
  const exchange = new AbortController();
  const stop = (): void => exchange.abort(signal.reason);
  const timer = setTimeout(() => exchange.abort(new DOMException('', 'TimeoutError')), timeoutMs);
  signal.addEventListener('abort', stop);
  try {
    signal.throwIfAborted();
    const response = await request(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(key ? { authorization: `Bearer ${key}` } : {}) },
      body: JSON.stringify(body),
      dispatcher: connections.to(url),
      signal: exchange.signal,
    });
    const bytes = await boundedBody({ url, body: response.body }, maxBytes);
    const header = (name: string): string | null => [response.headers[name]].flat()[0] ?? null;
    return {
      status: response.statusCode,
      text: hideKey(bytes.toString('utf8'), key),
      retryAfterMs: retryAfterMs(header('retry-after')),
      location: header('location'),
    };
  } catch (error) {
    signal.throwIfAborted();
    if (exchange.signal.aborted) throw new TemporaryFailure(`${url}: no answer within ${timeoutMs / 1000} s`);
    throw error instanceof UserError ? new TemporaryFailure(error.message) : connectionError(url, error);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}

/** Placeholders such as `EMPTY`, which servers without keys are given, are no secrets and may be words of an answer. */
function hideKey(text: string, key: string | undefined): string {
  return key !== undefined && key.length >= MIN_SECRET_LENGTH ? text.replaceAll(key, HIDDEN) : text;
}
