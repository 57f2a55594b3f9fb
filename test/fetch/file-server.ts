import { readFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** What a server does with one request instead of serving the file. */
export interface Behaviour {
  /** Answers with this status and text. */
  status?: number;
  headers?: Record<string, string>;
  text?: string;
  /** Cuts the connection after so many bytes of the body. */
  resetAfter?: number;
  /** Sends so many bytes, then nothing more. */
  stallAfter?: number;
  /** Bytes per piece, with a pause of a millisecond after each. */
  drip?: number;
  /** The file has another ETag now. */
  etag?: string;
}

export interface Route {
  body: Uint8Array | { file: string };
  etag?: string;
  /** false: a server that always sends the whole file. */
  ranges?: boolean;
  contentType?: string;
  /** What the server says that the whole file has. */
  declaredBytes?: number;
  /** @param request the number of requests to this route before */
  behave?(request: number, headers: Record<string, unknown>): Behaviour | undefined;
}

export interface FileServer {
  /** http://127.0.0.1:port */
  url: string;
  requests: { path: string; range: string | null; status: number; bytes: number; authorization: string | null }[];
  close(): Promise<void>;
}

/** A server on this machine that stands in for every kind of source. */
export async function startFileServer(routes: Record<string, Route>): Promise<FileServer> {
  const requests: FileServer['requests'] = [];
  const counts = new Map<string, number>();
  const server = createServer(async (request, response) => {
    const path = (request.url ?? '/').split('?', 1)[0]!;
    const { authorization = null } = request.headers;
    const entry = { path, range: request.headers.range ?? null, status: 0, bytes: 0, authorization };
    requests.push(entry);
    const route = routes[path];
    if (!route) {
      entry.status = 404;
      response.writeHead(404).end();
      return;
    }
    const count = counts.get(path) ?? 0;
    counts.set(path, count + 1);
    const behaviour = route.behave?.(count, request.headers) ?? {};
    if (behaviour.status !== undefined) {
      entry.status = behaviour.status;
      response.writeHead(behaviour.status, behaviour.headers).end(behaviour.text ?? '');
      return;
    }
    const whole = 'file' in route.body ? await readFile(route.body.file) : route.body;
    const etag = behaviour.etag ?? route.etag ?? null;
    const range = route.ranges === false ? null : rangeOf(request.headers.range, whole.byteLength);
    const { 'if-range': ifRange } = request.headers;
    const isPart = range !== null && (ifRange === undefined || ifRange === etag);
    if (isPart && range.start >= whole.byteLength) {
      entry.status = 416;
      response.writeHead(416, { 'content-range': `bytes */${whole.byteLength}` }).end();
      return;
    }
    const body = isPart ? whole.subarray(range.start, range.end + 1) : whole;
    entry.status = isPart ? 206 : 200;
    response.writeHead(entry.status, {
      'content-type': route.contentType ?? 'application/octet-stream',
      'content-length': route.declaredBytes ?? body.byteLength,
      ...(etag ? { etag } : {}),
      ...(isPart ? { 'content-range': `bytes ${range.start}-${range.end}/${whole.byteLength}` } : {}),
    });
    await send(response, body, behaviour, entry);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function rangeOf(header: string | undefined, bytes: number): { start: number; end: number } | null {
  const match = /^bytes=(\d+)-(\d*)$/.exec(header ?? '');
  if (!match) return null;
  return { start: Number(match[1]), end: Math.min(match[2] ? Number(match[2]) : bytes - 1, bytes - 1) };
}

async function send(
  response: ServerResponse,
  body: Uint8Array,
  { resetAfter, stallAfter, drip }: Behaviour,
  entry: { bytes: number },
): Promise<void> {
  const length = Math.min(body.byteLength, resetAfter ?? stallAfter ?? body.byteLength);
  const step = drip ?? 1 << 16;
  for (let at = 0; at < length && !response.destroyed; at += step) {
    const piece = body.subarray(at, Math.min(length, at + step));
    entry.bytes += piece.byteLength;
    if (!response.write(piece)) await Promise.race([new Promise((r) => response.once('drain', r)), sleep(1000)]);
    if (drip !== undefined) await sleep(1);
  }
  if (resetAfter !== undefined) {
    await sleep(300); // so that the bytes arrive before the break
    response.destroy();
  } else if (stallAfter === undefined) response.end();
}
