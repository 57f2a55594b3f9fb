import { type Dispatcher, request, fetch as undiciFetch } from 'undici';
import { messageOf, UserError } from '../shared/errors.js';
import { type Connections, connectionError, isAbort, openConnections } from '../shared/http/connections.js';
import {
  DEFAULT_RETRY,
  isTemporaryStatus,
  type RetryPolicy,
  retryAfterMs,
  retryTemporary,
  TemporaryFailure,
} from '../shared/http/retry.js';
import { VERSION } from '../shared/version.js';

/** Polite to servers with free data; more connections hardly help. */
const CONNECTIONS_PER_HOST = 4;
const MAX_REDIRECTS = 10;
const IDLE_TIMEOUT_MS = 60_000;

export interface RequestsOptions {
  /** Makes every request fail with an error naming the URL. */
  offline?: boolean;
  retry?: RetryPolicy;
  /** How long a server may send nothing. Slow transfers are not limited. */
  idleTimeoutMs?: number;
}

/** Byte range of a resource; both ends are inclusive, as in HTTP. */
export interface Range {
  start: number;
  end?: number;
}

export interface GetOptions {
  range?: Range;
  /** Send the range only if the resource still has this ETag, otherwise the whole resource (status 200). */
  ifRange?: string;
  headers?: Readonly<Record<string, string>>;
  signal?: AbortSignal;
}

export interface HttpResponse {
  /** 200, 206 or 416. */
  status: number;
  /** After redirects. */
  url: string;
  header(name: string): string | null;
  /** Size of the whole resource; null when unknown. */
  totalBytes: number | null;
  etag: string | null;
  body: AsyncIterable<Uint8Array>;
  /** Aborts the transfer; not needed after reading the whole body. */
  cancel(): void;
}

/** The HTTP client for all downloads. */
export interface Requests {
  readonly offline: boolean;
  /**
   * Sends a GET request. Retries with increasing pauses on 429 (after Retry-After), 5xx and broken connections until it
   * has response headers; errors in the body are left to the caller.
   * @throws UserError for any other status, when the host cannot be reached, and offline
   */
  get(url: string, options?: GetOptions): Promise<HttpResponse>;
  /**
   * Reads a range into memory; also retries when its body is interrupted.
   * @throws RangeUnsupported when the server sends the whole resource instead
   */
  readRange(url: string, range: Required<Range>, options?: Omit<GetOptions, 'range'>): Promise<RangeBytes>;
  /** For libraries that take a fetch function: the same proxies, timeouts and retries. */
  fetch: typeof fetch;
  close(): Promise<void>;
}

export interface RangeBytes {
  bytes: Uint8Array;
  etag: string | null;
  totalBytes: number | null;
}

/** The server ignores range requests and only sends the whole resource. */
export class RangeUnsupported extends Error {
  override name = 'RangeUnsupported';
}

/** Opens connections on demand, through the proxies in HTTP_PROXY, HTTPS_PROXY and NO_PROXY. Must be closed. */
export function openRequests({
  offline = false,
  retry = DEFAULT_RETRY,
  idleTimeoutMs,
}: RequestsOptions = {}): Requests {
  const timeout = idleTimeoutMs ?? IDLE_TIMEOUT_MS;
  const connections = openConnections({
    connections: CONNECTIONS_PER_HOST,
    headersTimeout: timeout,
    bodyTimeout: timeout,
  });
  const tries = async <T>(once: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> => {
    try {
      return await retryTemporary(once, retry, signal);
    } catch (error) {
      if (!(error instanceof TemporaryFailure)) throw error;
      const asked = error.isWorthWaiting ? '' : ` and asks to wait ${Math.ceil(error.retryAfterMs / 1000)} s`;
      throw new UserError(`${error.message}${asked}. Try again later; the download will resume.`, { cause: error });
    }
  };
  const get = (url: string, options: GetOptions = {}): Promise<HttpResponse> =>
    tries(() => getOnce(connections.to, offline, url, options), options.signal);
  return {
    offline,
    get,
    readRange: (url, range, options = {}) =>
      tries(async () => {
        const response = await getOnce(connections.to, offline, url, { ...options, range });
        if (response.status !== 206) {
          response.cancel();
          throw new RangeUnsupported(`${url} cannot be read in parts: the server does not support range requests`);
        }
        const bytes = await readAll(response, range.end - range.start + 1);
        return { bytes, etag: response.etag, totalBytes: response.totalBytes };
      }, options.signal),
    fetch: ((input: Parameters<typeof undiciFetch>[0], init?: Parameters<typeof undiciFetch>[1]) => {
      const url = input instanceof Object && 'url' in input ? input.url : String(input);
      if (offline) throw offlineError(url);
      return tries(async () => {
        const options = { ...init, dispatcher: connections.to(url) };
        const response = await undiciFetch(input, options).catch((error) => {
          if (isAbort(error)) throw error;
          throw connectionError(url, error.cause ?? error);
        });
        if (!isTemporaryStatus(response.status)) return response;
        await response.body?.cancel();
        throw temporaryStatus(url, response.status, response.headers.get('retry-after'));
      }, undefined);
    }) as unknown as typeof fetch,
    close: connections.close,
  };
}

/** Reads a body of at most `bytes` into memory. */
async function readAll(response: HttpResponse, bytes: number): Promise<Uint8Array> {
  const whole = new Uint8Array(bytes);
  let length = 0;
  for await (const chunk of streamOf(response)) {
    if (length + chunk.byteLength > bytes) {
      response.cancel();
      throw new UserError(`${response.url} sent more than the requested range`);
    }
    whole.set(chunk, length);
    length += chunk.byteLength;
  }
  return whole.subarray(0, length);
}

/** Reads the body; a broken connection is a `TemporaryFailure`. */
export async function* streamOf(response: HttpResponse): AsyncGenerator<Uint8Array> {
  try {
    yield* response.body;
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new TemporaryFailure(`${response.url}: connection lost: ${messageOf(error)}`, 0, { cause: error });
  }
}

async function getOnce(
  connectionsTo: Connections['to'],
  offline: boolean,
  url: string,
  { range, ifRange, headers = {}, signal }: GetOptions,
): Promise<HttpResponse> {
  if (offline) throw offlineError(url);
  const sent: Record<string, string> = { 'user-agent': `llavahr/${VERSION}`, ...headers };
  if (range) sent['range'] = `bytes=${range.start}-${range.end ?? ''}`;
  if (ifRange) sent['if-range'] = ifRange;
  let at = checkedUrl(url);
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    const response = await send(connectionsTo(at.href), at, sent, signal);
    const location = response.headers['location'];
    if (response.statusCode < 300 || response.statusCode >= 400 || typeof location !== 'string') {
      return checkedResponse(at.href, response, 'authorization' in sent);
    }
    await response.body.dump();
    if (!URL.canParse(location, at.href)) {
      throw new UserError(`${at.href} redirects to ${JSON.stringify(location)}, which is not a valid URL`);
    }
    const next = checkedUrl(new URL(location, at).href);
    // Do not send credentials to other hosts.
    if (next.origin !== at.origin) delete sent['authorization'];
    at = next;
  }
  throw new UserError(`${url}: more than ${MAX_REDIRECTS} redirects`);
}

function checkedUrl(text: string): URL {
  const url = new URL(text);
  if (url.protocol === 'https:' || url.protocol === 'http:') return url;
  throw new UserError(`${text} is not an HTTP or HTTPS URL`);
}

async function send(
  dispatcher: Dispatcher,
  url: URL,
  headers: Record<string, string>,
  signal: AbortSignal | undefined,
): Promise<Dispatcher.ResponseData> {
  try {
    return await request(url, { dispatcher, headers, signal });
  } catch (error) {
    if (isAbort(error)) throw error;
    throw connectionError(url.href, error);
  }
}

function offlineError(url: string): UserError {
  return new UserError(`--offline forbids network access; needed: ${url}`);
}

/** @param hasToken whether an access token was sent */
function checkedResponse(
  url: string,
  { statusCode, headers, body }: Dispatcher.ResponseData,
  hasToken: boolean,
): HttpResponse {
  const header = (name: string): string | null => {
    const value = headers[name];
    return (Array.isArray(value) ? value[0] : value) ?? null;
  };
  // Aborting a transfer emits an error on its body.
  body.on('error', () => {});
  if (statusCode === 200 || statusCode === 206 || statusCode === 416) {
    return {
      status: statusCode,
      url,
      header,
      body,
      etag: header('etag'),
      totalBytes: totalBytesOf(statusCode, header),
      cancel: () => body.destroy(),
    };
  }
  body.destroy();
  if (isTemporaryStatus(statusCode)) throw temporaryStatus(url, statusCode, header('retry-after'));
  throw new UserError(`${url} ${statusText(statusCode, hasToken)}`);
}

function temporaryStatus(url: string, status: number, retryAfter: string | null): TemporaryFailure {
  return new TemporaryFailure(`${url} answered ${status}`, retryAfterMs(retryAfter));
}

function statusText(status: number, hasToken: boolean): string {
  if (status === 401 && hasToken) {
    return 'answered 401: the access token was refused. Set HF_TOKEN to a valid one, or remove it for public files';
  }
  if (status === 401 || status === 403) {
    return (
      `answered ${status}: access denied. Open it in a browser to see the terms; on the Hugging Face hub, accept them and ` +
      'set HF_TOKEN to your access token'
    );
  }
  if (status === 404 || status === 410) return `answered ${status}: not found`;
  return `answered ${status}`;
}

/** Content-Range has the size of the resource, Content-Length that of the response. */
function totalBytesOf(status: number, header: (name: string) => string | null): number | null {
  const text = status === 200 ? header('content-length') : /\/(\d+)$/.exec(header('content-range') ?? '')?.[1];
  const bytes = text ? Number(text) : Number.NaN;
  return Number.isSafeInteger(bytes) ? bytes : null;
}
