import { PassThrough, type Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Entry, fromRandomAccessReaderPromise, RandomAccessReader, type ZipFile } from 'yauzl';
import { messageOf, UserError } from '../shared/errors.js';
import { TemporaryFailure, tellRetry } from '../shared/http/retry.js';
import { forEachParallel } from '../shared/parallel.js';
import { RangeUnsupported, type Requests, streamOf } from './http.js';
import {
  checkRoomFor,
  type ExtractOptions,
  entriesOf,
  isExtracted,
  type WantedMember,
  writeMember,
} from './zip-members.js';

/** A zip archive on a server, whose members can be downloaded individually. */
export interface RemoteZip {
  /** Size of the archive. */
  totalBytes: number;
  etag: string | null;
  /** Names of all members. */
  names: readonly string[];
  /**
   * Extracts members. Files that were already extracted are skipped.
   * @throws UserError when a member is missing, damaged or unsafe, or the archive has changed
   */
  extract(wanted: readonly WantedMember[], options?: ExtractOptions): Promise<void>;
  /** Requests and bytes so far, including the directory. */
  readonly traffic: { requests: number; transferredBytes: number };
}

/** The archive's directory is read in pieces of this size. */
const DIRECTORY_PIECE_BYTES = 1 << 20;
/** Limit for hostile archives: the directory of 40,504 images has 4 MB. */
const MAX_DIRECTORY_BYTES = 512 << 20;
/** Members closer than this are fetched in one request, since reading the gap takes less time than another request. */
const MAX_GAP_BYTES = 512 << 10;
/** Limit per request, so that a lost connection costs little and several requests run in parallel. */
const MAX_SPAN_BYTES = 64 << 20;
const PARALLEL_SPANS = 4;
/** Fixed part of a local header; name and extra field follow. */
const LOCAL_HEADER_BYTES = 30;
const LOCAL_HEADER_SIGNATURE = 0x04034b50;
const MAX_EXTRA_BYTES = 0xffff;
/** Consecutive lost connections without a new member before a span is abandoned. */
const MAX_BREAKS = 5;
/** Pause after a lost connection, for each earlier one without a new member. */
const BREAK_PAUSE_MS = 500;

/**
 * Reads the directory of a zip archive over HTTP ranges.
 * @throws RangeUnsupported when the server does not support range requests
 * @throws UserError when it is not a zip archive
 */
export async function openRemoteZip(
  requests: Requests,
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<RemoteZip> {
  const traffic = { requests: 0, transferredBytes: 0 };
  const first = await requests.readRange(url, { start: 0, end: 0 }, { headers });
  traffic.requests++;
  const { etag, totalBytes } = first;
  if (totalBytes === null) throw new RangeUnsupported(`${url}: the server does not report its size`);
  const strongEtag = etag?.startsWith('W/') ? null : etag;
  const resource: Resource = { requests, url, headers, etag: strongEtag, totalBytes, traffic };
  const directory = await readDirectory(resource);
  const entries = directory.entries;
  return {
    totalBytes,
    etag,
    names: entries.map(({ fileName }) => fileName),
    traffic,
    extract: (wanted, options = {}) => extractMembers(resource, directory, wanted, options),
  };
}

interface Resource {
  requests: Requests;
  url: string;
  headers: Readonly<Record<string, string>>;
  etag: string | null;
  totalBytes: number;
  traffic: { requests: number; transferredBytes: number };
}

interface Directory {
  entries: Entry[];
  /** Offset of the next local header or the directory, an upper bound for the end of a member. */
  endOf: ReadonlyMap<Entry, number>;
}

async function readDirectory(resource: Resource): Promise<Directory> {
  const { url, totalBytes } = resource;
  let zip: ZipFile | undefined;
  try {
    zip = await fromRandomAccessReaderPromise(new RangeReader(resource), totalBytes);
    const entries: Entry[] = [];
    for await (const entry of zip.eachEntry()) entries.push(entry);
    const starts = entries.map(({ relativeOffsetOfLocalHeader }) => relativeOffsetOfLocalHeader).sort((a, b) => a - b);
    const next = new Map(starts.map((start, i) => [start, starts[i + 1] ?? totalBytes]));
    return { entries, endOf: new Map(entries.map((entry) => [entry, next.get(entry.relativeOffsetOfLocalHeader)!])) };
  } catch (error) {
    if (error instanceof UserError || error instanceof RangeUnsupported) throw error;
    throw new UserError(`${url} cannot be read as a zip archive: ${messageOf(error)}`, { cause: error });
  }
}

/** Serves yauzl's many small reads of the directory from larger requests. */
class RangeReader extends RandomAccessReader {
  readonly #resource: Resource;
  readonly #pieces = new Map<number, Promise<Uint8Array>>();

  constructor(resource: Resource) {
    super();
    this.#resource = resource;
  }

  override _readStreamForRange(start: number, end: number): Readable {
    const stream = new PassThrough();
    this.#bytes(start, end).then(
      (bytes) => stream.end(bytes),
      (error) => stream.destroy(error),
    );
    return stream;
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null) => void,
  ): void {
    this.#bytes(position, position + length).then(
      (bytes) => {
        buffer.set(bytes, offset);
        callback(null);
      },
      (error) => callback(error),
    );
  }

  /** Pieces are numbered from the end, where the directory is. */
  async #bytes(start: number, end: number): Promise<Uint8Array> {
    const { totalBytes } = this.#resource;
    if (start < 0 || end > totalBytes) throw new UserError('it is truncated');
    const bytes = Buffer.allocUnsafe(end - start);
    for (let at = start; at < end; ) {
      const index = Math.floor((totalBytes - 1 - at) / DIRECTORY_PIECE_BYTES);
      const pieceEnd = totalBytes - index * DIRECTORY_PIECE_BYTES;
      const pieceStart = Math.max(0, pieceEnd - DIRECTORY_PIECE_BYTES);
      const piece = await this.#piece(index, pieceStart, pieceEnd);
      const part = piece.subarray(at - pieceStart, Math.min(end, pieceEnd) - pieceStart);
      if (part.byteLength === 0) throw new TemporaryFailure(`${this.#resource.url} sent less than requested`);
      bytes.set(part, at - start);
      at += part.byteLength;
    }
    return bytes;
  }

  #piece(index: number, start: number, end: number): Promise<Uint8Array> {
    let piece = this.#pieces.get(index);
    if (!piece) {
      if (this.#pieces.size * DIRECTORY_PIECE_BYTES >= MAX_DIRECTORY_BYTES) {
        throw new UserError(`${this.#resource.url} has a directory of more than ${MAX_DIRECTORY_BYTES} bytes`);
      }
      const { requests, url, headers, etag, traffic } = this.#resource;
      traffic.requests++;
      traffic.transferredBytes += end - start;
      piece = requests
        .readRange(url, { start, end: end - 1 }, { headers, ...(etag ? { ifRange: etag } : {}) })
        .then(({ bytes }) => bytes);
      this.#pieces.set(index, piece);
    }
    return piece;
  }
}

/** A member and its byte range: `start` is its local header, `end` an upper bound. */
interface Located {
  entry: Entry;
  to: string;
  start: number;
  end: number;
}

/** Members fetched by one request, in archive order. */
type Span = Located[];

async function extractMembers(
  resource: Resource,
  { entries, endOf }: Directory,
  wanted: readonly WantedMember[],
  { signal, onProgress }: ExtractOptions,
): Promise<void> {
  const members: Located[] = [];
  for (const { entry, to } of entriesOf(resource.url, entries, wanted)) {
    if (await isExtracted(entry, to)) continue;
    const start = entry.relativeOffsetOfLocalHeader;
    const header = LOCAL_HEADER_BYTES + Buffer.byteLength(entry.fileName) + MAX_EXTRA_BYTES;
    members.push({ entry, to, start, end: Math.min(endOf.get(entry)!, start + header + entry.compressedSize) });
  }
  await checkRoomFor(members);
  const totalBytes = members.reduce((sum, { entry }) => sum + entry.compressedSize, 0);
  let doneBytes = 0;
  const fetchOne = (span: Span, stop: AbortSignal): Promise<void> =>
    fetchSpan(resource, span, stop, ({ entry }) => {
      doneBytes += entry.compressedSize;
      onProgress?.(doneBytes, totalBytes);
    });
  await forEachParallel(spansOf(members), PARALLEL_SPANS, fetchOne, signal);
}

/**
 * Combines neighbouring members into requests, bridging the smallest gaps first. The bridged bytes are at most twice
 * those of the members, so at most three times the members' bytes are fetched.
 */
function spansOf(members: readonly Located[]): Span[] {
  const gaps = members.slice(1).map((member, i) => ({ member, bytes: member.start - members[i]!.end }));
  let allowance = 2 * members.reduce((sum, { start, end }) => sum + end - start, 0);
  const bridged = new Set<Located>();
  for (const { member, bytes } of gaps.sort((a, b) => a.bytes - b.bytes)) {
    if (bytes > Math.min(MAX_GAP_BYTES, allowance)) break;
    allowance -= bytes;
    bridged.add(member);
  }
  const spans: Span[] = [];
  for (const member of members) {
    const span = spans.at(-1);
    if (span && bridged.has(member) && member.end - span[0]!.start <= MAX_SPAN_BYTES) span.push(member);
    else spans.push([member]);
  }
  return spans;
}

/** Fetches a span; after a lost connection, its remaining members. */
async function fetchSpan(
  resource: Resource,
  span: Span,
  signal: AbortSignal | undefined,
  onMember: (member: Located) => void,
): Promise<void> {
  let left = span;
  for (let breaks = 0; left.length > 0; ) {
    const before = left.length;
    try {
      for await (const member of membersOfSpan(resource, left, signal)) {
        left = left.filter((other) => other !== member);
        onMember(member);
      }
    } catch (error) {
      if (!(error instanceof TemporaryFailure)) throw error;
      breaks = left.length < before ? 0 : breaks + 1;
      if (breaks > MAX_BREAKS) throw new UserError(`${error.message}. Try again later; extracted files are kept.`);
      const pauseMs = BREAK_PAUSE_MS * breaks;
      tellRetry(error.message, pauseMs, breaks + 1);
      await sleep(pauseMs, undefined, { signal });
    }
  }
}

/** Extracts the members of a span as their bytes arrive. */
async function* membersOfSpan(
  { requests, url, headers, etag, traffic }: Resource,
  span: Span,
  signal: AbortSignal | undefined,
): AsyncGenerator<Located> {
  const [start, end] = [span[0]!.start, span.at(-1)!.end];
  traffic.requests++;
  const response = await requests.get(url, {
    range: { start, end: end - 1 },
    ...(etag ? { ifRange: etag } : {}),
    headers,
    signal,
  });
  const isSame = !etag || response.etag === null || response.etag === etag;
  if (response.status !== 206 || !isSame) {
    response.cancel();
    throw new UserError(`${url} changed during the download. Start it again.`);
  }
  const counted = (async function* () {
    for await (const chunk of streamOf(response)) {
      traffic.transferredBytes += chunk.byteLength;
      yield chunk;
    }
  })();
  const reader = byteReader(counted, url);
  try {
    let at = start;
    for (const member of span) {
      await reader.skip(member.start - at);
      const header = Buffer.from(await reader.take(LOCAL_HEADER_BYTES));
      if (header.readUInt32LE(0) !== LOCAL_HEADER_SIGNATURE) {
        throw new UserError(
          `${url}: ${JSON.stringify(member.entry.fileName)} is not at the offset given in the directory`,
        );
      }
      const names = header.readUInt16LE(26) + header.readUInt16LE(28);
      await reader.skip(names);
      await writeMember(url, member.entry, reader.chunks(member.entry.compressedSize), member.to);
      at = member.start + LOCAL_HEADER_BYTES + names + member.entry.compressedSize;
      yield member;
    }
  } finally {
    response.cancel();
  }
}

interface ByteReader {
  take(bytes: number): Promise<Uint8Array>;
  skip(bytes: number): Promise<void>;
  chunks(bytes: number): AsyncGenerator<Uint8Array>;
}

/** Splits a stream into pieces of given lengths, with at most one chunk in memory. */
function byteReader(source: AsyncIterator<Uint8Array>, url: string): ByteReader {
  let rest: Uint8Array = new Uint8Array(0);
  async function* chunks(bytes: number): AsyncGenerator<Uint8Array> {
    for (let left = bytes; left > 0; ) {
      if (rest.byteLength === 0) {
        const { value, done } = await source.next();
        if (done) throw new TemporaryFailure(`${url}: connection lost`);
        rest = value;
      }
      const piece = rest.subarray(0, left);
      rest = rest.subarray(piece.byteLength);
      left -= piece.byteLength;
      yield piece;
    }
  }
  return {
    chunks,
    async take(bytes) {
      const parts: Uint8Array[] = [];
      for await (const chunk of chunks(bytes)) parts.push(chunk);
      return Buffer.concat(parts);
    },
    async skip(bytes) {
      for await (const _ of chunks(bytes));
    },
  };
}
