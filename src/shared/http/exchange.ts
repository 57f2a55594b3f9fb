import { isUtf8 } from 'node:buffer';
import { request } from 'undici';
import { UserError } from '../errors.js';
import { HIDDEN } from '../redact.js';
import { boundedBody } from './bounded-body.js';
import { connectionError, openConnections } from './connections.js';
import { retryAfterMs, TemporaryFailure } from './retry.js';

export interface ExchangeOptions {
  /** Sent as `Authorization: Bearer`. Redacted in the response and in errors if the server repeats it. */
  key?: string | undefined;
  /** Limit for the whole exchange. */
  timeoutMs: number;
  /** Limit for the response. */
  maxBytes: number;
  signal: AbortSignal;
}

export interface PostOptions extends ExchangeOptions {
  /** Called with each part of a successful answer as it arrives; parts end between characters. */
  onPart?: (text: string) => void;
}

export interface HttpAnswer {
  status: number;
  /** UTF-8, without the key. */
  text: string;
  /** The pause requested by the server; see `retryAfterMs`. */
  retryAfterMs: number;
  /** Its media type, such as `application/json`; empty if the server does not say. */
  mediaType: string;
  /** Target of a redirect. Redirects are not followed, so that the key is only sent to the configured host. */
  location: string | null;
}

const MIN_SECRET_LENGTH = 8;

// The timeout for the whole exchange replaces undici's: a model may take minutes before it sends anything.
const connections = openConnections({ headersTimeout: 0, bodyTimeout: 0 });

/**
 * One POST of JSON, through the proxy that the environment names. Use it within `retryTemporary`; what a status means
 * is for the caller to decide.
 * @throws TemporaryFailure when the connection breaks, the time is over, or more than `maxBytes` are sent; UserError when
 *   the host does not exist or cannot be trusted; the signal's reason when it is aborted
 */
export function postJson(url: string, body: unknown, options: PostOptions): Promise<HttpAnswer> {
  return exchange(url, { method: 'POST', body: JSON.stringify(body) }, options);
}

/** One GET, otherwise like `postJson`. */
export function getText(url: string, options: ExchangeOptions): Promise<HttpAnswer> {
  return exchange(url, { method: 'GET' }, options);
}

async function exchange(
  url: string,
  { method, body }: { method: 'GET' | 'POST'; body?: string },
  { key, timeoutMs, maxBytes, signal, onPart }: PostOptions,
): Promise<HttpAnswer> {
  // Not AbortSignal.any with AbortSignal.timeout: Node 20 may garbage-collect such a signal before it fires.
  const timeout = new AbortController();
  const stop = (): void => timeout.abort(signal.reason);
  const timer = setTimeout(() => timeout.abort(new DOMException('', 'TimeoutError')), timeoutMs);
  const dispatcher = connections.to(url);
  signal.addEventListener('abort', stop);
  try {
    signal.throwIfAborted();
    const response = await request(url, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(key ? { authorization: `Bearer ${key}` } : {}),
      },
      ...(body === undefined ? {} : { body }),
      dispatcher,
      signal: timeout.signal,
    });
    const { statusCode: status } = response;
    const listener = status >= 200 && status < 300 ? onPart : undefined;
    const bytes = await boundedBody({ url, body: listener ? heard(response.body, listener) : response.body }, maxBytes);
    if (status < 300 && !isUtf8(bytes)) throw new TemporaryFailure(`${url}: the answer is not UTF-8`);
    const header = (name: string): string | null => [response.headers[name]].flat()[0] ?? null;
    return {
      status,
      text: hideKey(bytes.toString('utf8'), key),
      mediaType: (header('content-type') ?? '').split(';', 1)[0]!.trim().toLowerCase(),
      retryAfterMs: retryAfterMs(header('retry-after')),
      location: header('location'),
    };
  } catch (error) {
    signal.throwIfAborted();
    if (timeout.signal.aborted) {
      throw new TemporaryFailure(`${url}: no answer within ${timeoutMs / 1000} s`, 0, { kind: 'timeout' });
    }
    if (error instanceof TemporaryFailure) throw error;
    throw error instanceof UserError ? new TemporaryFailure(error.message) : connectionError(url, error);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}

/** The body unchanged; its text is passed on as it arrives. */
async function* heard(body: AsyncIterable<Uint8Array>, onPart: (text: string) => void): AsyncGenerator<Uint8Array> {
  const decoder = new TextDecoder();
  for await (const chunk of body) {
    onPart(decoder.decode(chunk, { stream: true }));
    yield chunk;
  }
}

/**
 * A text without the key. Placeholders such as `EMPTY`, which servers without keys are given, are no secrets and may be
 * words of an answer.
 */
export function hideKey(text: string, key: string | undefined): string {
  return key !== undefined && key.length >= MIN_SECRET_LENGTH ? text.replaceAll(key, HIDDEN) : text;
}
