import { createHash } from 'node:crypto';
import { createReadStream, writeSync } from 'node:fs';
import { type FileHandle, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkFreeBytes, freeBytes } from '../shared/disk-space.js';
import { UserError } from '../shared/errors.js';
import { TemporaryFailure, tellRetry } from '../shared/http/retry.js';
import { jsonFile } from '../shared/json-file.js';
import { AMOUNT, nullable, objectOf, TEXT } from '../shared/json-schema.js';
import { makeFolder } from '../shared/make-folder.js';
import { withPath } from '../shared/system-errors.js';
import { digestsOf, type FileDigests, hashFile } from './file-digests.js';
import { type HttpResponse, type Requests, streamOf } from './http.js';

/** Determines how a file must begin, so that a login page is not mistaken for an archive. */
export type FileFormat = 'zip' | 'json' | 'jsonl' | 'parquet' | 'other';

export interface FileSource {
  /** In order of preference; the next one is tried when one fails permanently. */
  urls: readonly string[];
  format: FileFormat;
  bytes?: number;
  sha256?: string;
  md5?: string;
  /** Git's blob hash, which the Hugging Face hub has for small files. */
  gitBlobSha1?: string;
  /** Additional request headers for a URL, such as a token for its host. */
  headersFor?(url: string): Readonly<Record<string, string>>;
}

export interface DownloadedFile {
  path: string;
  /** The source of the file. */
  url: string;
  bytes: number;
  sha256: string;
  etag: string | null;
  /** Bytes transferred over the network; less than `bytes` for a resumed download. */
  transferredBytes: number;
}

export interface DownloadOptions {
  signal?: AbortSignal;
  onProgress?: (doneBytes: number, totalBytes: number | null) => void;
  /** Pause after a broken connection; shortened by tests. */
  retryPauseMs?: number;
}

/** Consecutive broken connections without a new byte before a source is abandoned. */
const MAX_BREAKS = 5;
const RETRY_PAUSE_MS = 1000;
/** Flush regularly, so that little is left to flush at the end. */
const FLUSH_STEP_BYTES = 64 << 20;

/**
 * Deletes what is left of downloads that were killed just after they had given the file its name.
 * @param folder need not exist
 */
export async function removeFinishedParts(folder: string): Promise<void> {
  const names = new Set(await readdir(folder).catch(() => []));
  for (const name of names) {
    const destination = name.endsWith('.part.json') ? name.slice(0, -'.part.json'.length) : '';
    if (names.has(destination) && !names.has(`${destination}.part`)) await rm(join(folder, name), { force: true });
  }
}

/** Identifies the file whose beginning is in a `.part` file. */
interface PartState {
  url: string;
  etag: string | null;
  totalBytes: number | null;
}

/**
 * Downloads a file. An interrupted download in `<destination>.part` is resumed if the server still has the same file.
 * Size and hashes are verified before the file gets its final name.
 * @throws UserError naming each source and its failure
 */
export async function downloadFile(
  requests: Requests,
  source: FileSource,
  destination: string,
  options: DownloadOptions = {},
): Promise<DownloadedFile> {
  await makeFolder(dirname(destination));
  const failures: string[] = [];
  for (const url of source.urls) {
    try {
      return await downloadFrom(requests, url, source, destination, options);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      failures.push(error.message);
    }
  }
  throw new UserError(failures.length === 1 ? failures[0]! : `No source worked:\n  ${failures.join('\n  ')}`);
}

async function downloadFrom(
  requests: Requests,
  url: string,
  source: FileSource,
  destination: string,
  { signal, onProgress, retryPauseMs = RETRY_PAUSE_MS }: DownloadOptions,
): Promise<DownloadedFile> {
  const folder = dirname(destination);
  const part = await openPart(destination, url, source);
  const free = await freeBytes(folder);
  const alreadyThere = part.bytes;
  const checkRoom = (totalBytes: number): void =>
    checkFreeBytes(folder, free, totalBytes - alreadyThere, basename(destination));
  try {
    if (source.bytes !== undefined) checkRoom(source.bytes);
    let transferredBytes = 0;
    let breaks = 0;
    let furthest = part.bytes; // a server without range support starts over each time
    while (part.state.totalBytes === null || part.bytes < part.state.totalBytes) {
      const response = await requestRest(requests, url, part, source, signal);
      if (response === null) break; // the server has nothing beyond what is here
      checkStatus(url, part, response);
      if (response.status === 200) {
        await part.restart({ url, etag: response.etag, totalBytes: response.totalBytes });
      }
      try {
        checkSize(url, source, part.state.totalBytes);
        if (part.state.totalBytes !== null) checkRoom(part.state.totalBytes);
        for await (const chunk of streamOf(response)) {
          if (part.bytes === 0) checkFormat(url, source.format, chunk, response);
          checkSize(url, source, part.state.totalBytes, part.bytes + chunk.byteLength);
          part.append(chunk);
          transferredBytes += chunk.byteLength;
          onProgress?.(part.bytes, part.state.totalBytes);
        }
        if (part.state.totalBytes === null) break; // unknown size: complete when the body ends
      } catch (error) {
        response.cancel();
        if (!(error instanceof TemporaryFailure)) throw error;
        breaks = part.bytes > furthest ? 0 : breaks + 1;
        furthest = Math.max(furthest, part.bytes);
        if (breaks > MAX_BREAKS) throw new UserError(`${error.message}. Try again later; the download will resume.`);
        const pauseMs = retryPauseMs * (breaks + 1);
        tellRetry(error.message, pauseMs, breaks + 1);
        await sleep(pauseMs, undefined, { signal });
      }
    }
    const digests = await part.digests();
    const total = source.bytes ?? part.state.totalBytes;
    const problem = await problemOf(part, source, total, digests);
    if (problem) {
      await part.discard();
      throw new UserError(`${url} is not the expected file: ${problem}. The download was deleted.`);
    }
    const { etag } = part.state;
    const { bytes } = part;
    await part.finish();
    return { path: destination, url, bytes, sha256: digests.sha256, etag, transferredBytes };
  } finally {
    await part.close();
    if (part.bytes === 0) await part.discard();
  }
}

/** @throws UserError for a part of a file that was asked for whole, and where the server says that nothing is there */
function checkStatus(url: string, part: Part, response: HttpResponse): void {
  const isContinued =
    part.bytes > 0 && Number(/^bytes (\d+)-/.exec(response.header('content-range') ?? '')?.[1]) === part.bytes;
  if (response.status === 200 || (response.status === 206 && isContinued)) return;
  response.cancel();
  throw new UserError(`${url} answered ${response.status} to a request for the whole file`);
}

/** Requests the missing bytes; null when there are none (416). */
async function requestRest(
  requests: Requests,
  url: string,
  part: Part,
  source: FileSource,
  signal: AbortSignal | undefined,
): Promise<HttpResponse | null> {
  const headers = source.headersFor?.(url);
  const { etag, totalBytes } = part.state;
  // Without an ETag, only a hash can show afterwards that both parts belong to the same file.
  const strong = etag !== null && !etag.startsWith('W/');
  const canContinue = part.bytes > 0 && (strong || source.sha256 !== undefined || source.md5 !== undefined);
  if (!canContinue) return requests.get(url, { headers, signal });
  const response = await requests.get(url, {
    range: { start: part.bytes },
    ...(strong ? { ifRange: etag } : {}),
    headers,
    signal,
  });
  if (response.status === 206) {
    const start = Number(/^bytes (\d+)-/.exec(response.header('content-range') ?? '')?.[1]);
    const isSame = !strong || response.etag === null || response.etag === etag;
    if (start === part.bytes && isSame && (totalBytes === null || response.totalBytes === totalBytes)) return response;
  } else if (response.status === 200) {
    return response;
  } else if (response.totalBytes === part.bytes) {
    response.cancel();
    return null;
  }
  response.cancel();
  return requests.get(url, { headers, signal });
}

/** The beginning of a file in `<destination>.part`, and its state in `<destination>.part.json`. */
interface Part {
  path: string;
  state: PartState;
  bytes: number;
  append(chunk: Uint8Array): void;
  /** Of the file on the disk, not of what was received. */
  digests(): Promise<FileDigests>;
  restart(state: PartState): Promise<void>;
  /** Gives the file its final name. */
  finish(): Promise<void>;
  discard(): Promise<void>;
  close(): Promise<void>;
}

/** For writing at any place, which flags for appending do not allow. */
async function openForWriting(path: string, keepsContent: boolean): Promise<FileHandle> {
  try {
    return await open(path, keepsContent ? 'r+' : 'w+');
  } catch (error) {
    if (!keepsContent || (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return open(path, 'w+');
  }
}

/** With a known hash, a download may be resumed from a different mirror, since the hash verifies the result. */
async function openPart(destination: string, url: string, { sha256, md5 }: FileSource): Promise<Part> {
  const path = `${destination}.part`;
  const folder = dirname(destination);
  const stateFile = jsonFile<PartState>(
    `${basename(path)}.json`,
    objectOf<PartState>({ url: TEXT, etag: nullable(TEXT), totalBytes: nullable(AMOUNT) }),
  );
  const before = await stateFile.read(folder).catch(() => null); // damaged: start over
  const isSame = before?.url === url;
  const continues = before !== null && (isSame || sha256 !== undefined);
  const file = await openForWriting(path, continues);
  let flushedBytes = 0;
  let flushing: Promise<void> = Promise.resolve();
  // Not flushed to disk, to avoid a delay: a damaged state only means starting over.
  const writeState = (state: PartState): Promise<void> => writeFile(`${path}.json`, JSON.stringify(state));
  const discard = async (): Promise<void> => {
    await rm(path, { force: true });
    await rm(`${path}.json`, { force: true });
  };
  const part: Part = {
    path,
    state: isSame ? before : { url, etag: null, totalBytes: continues ? before.totalBytes : null },
    bytes: (await file.stat()).size,
    append(chunk) {
      // Synchronous, since the thread pool takes more than twice the CPU time of the write itself (measured).
      // At its place: after a restart the file's own position would be behind the end, and the gap read as NULs.
      try {
        for (let done = 0; done < chunk.byteLength; ) {
          done += writeSync(file.fd, chunk, done, chunk.byteLength - done, part.bytes + done);
        }
      } catch (error) {
        throw withPath(error, path);
      }
      part.bytes += chunk.byteLength;
      if (part.bytes < flushedBytes + FLUSH_STEP_BYTES) return;
      flushedBytes = part.bytes;
      flushing = flushing.then(() => file.datasync()).catch(() => {}); // the last flush reports the error again
    },
    async digests() {
      await flushing;
      part.bytes = (await file.stat()).size;
      return digestsOf(await hashFile(path, md5 !== undefined));
    },
    async restart(state) {
      await file.truncate(0);
      flushedBytes = 0;
      part.bytes = 0;
      part.state = state;
      await writeState(state);
    },
    async finish() {
      await file.sync();
      await rename(path, destination);
      await rm(`${path}.json`, { force: true });
    },
    discard,
    async close() {
      await flushing;
      await file.close();
    },
  };
  if (!isSame) await writeState(part.state);
  return part;
}

function checkSize(url: string, { bytes }: FileSource, declared: number | null, arrived = 0): void {
  if (bytes !== undefined && declared !== null && declared !== bytes) {
    throw new UserError(`${url} has ${declared} bytes, expected ${bytes}`);
  }
  const limit = bytes ?? declared;
  if (limit !== null && arrived > limit) throw new UserError(`${url} sent more than the expected ${limit} bytes`);
}

const FIRST_BYTES: Record<FileFormat, RegExp | null> = {
  zip: /^PK/,
  json: /^\ufeff?\s*[[{]/,
  jsonl: /^\ufeff?\s*\{/,
  parquet: /^PAR1/,
  other: null,
};

const NAMES: Record<FileFormat, string> = {
  zip: 'a zip archive',
  json: 'JSON',
  jsonl: 'JSON Lines',
  parquet: 'a parquet file',
  other: 'the file',
};

function isOfFormat(format: FileFormat, firstBytes: Uint8Array): boolean {
  const start = Buffer.from(firstBytes.subarray(0, 512)).toString('latin1');
  return FIRST_BYTES[format]?.test(start) ?? !/^\s*<(!doctype html|html)/i.test(start);
}

/** @throws UserError when the first bytes do not match the format, for example those of a login page */
function checkFormat(url: string, format: FileFormat, chunk: Uint8Array, response: HttpResponse): void {
  if (isOfFormat(format, chunk)) return;
  const start = Buffer.from(chunk.subarray(0, 512)).toString('latin1');
  const isHtml = /^\s*</.test(start) || (response.header('content-type') ?? '').startsWith('text/html');
  const found = isHtml ? 'an HTML page' : 'something else';
  throw new UserError(`${url} answered with ${found} instead of ${NAMES[format]}. Open it in a browser to see why.`);
}

/** What is wrong with a complete file; null when it is the expected one. */
async function problemOf(
  { path, bytes }: { path: string; bytes: number },
  source: FileSource,
  total: number | null,
  { sha256, md5 }: FileDigests,
): Promise<string | null> {
  if (bytes === 0 && source.bytes !== 0) return 'it is empty';
  if (total !== null && bytes !== total) return `it has ${bytes} bytes, not ${total}`;
  if (source.sha256 && sha256 !== source.sha256) return `its sha256 is ${sha256}, not ${source.sha256}`;
  if (source.md5 && md5 !== source.md5) return `its md5 is ${md5}, not ${source.md5}`;
  if (source.gitBlobSha1) {
    const found = await gitBlobSha1(path);
    if (found !== source.gitBlobSha1) return `its git hash is ${found}, not ${source.gitBlobSha1}`;
  }
  return null;
}

/**
 * Checks a file that was downloaded manually.
 * @returns its sha256
 * @throws UserError when it is not the file that the source describes
 */
export async function checkPlacedFile(path: string, source: FileSource): Promise<string> {
  const { size: bytes } = await stat(path);
  const digests = digestsOf(await hashFile(path, source.md5 !== undefined));
  const file = await open(path, 'r');
  const start = await file.read(Buffer.alloc(512), 0, 512, 0).finally(() => file.close());
  const problem = isOfFormat(source.format, start.buffer.subarray(0, start.bytesRead))
    ? await problemOf({ path, bytes }, source, source.bytes ?? null, digests)
    : `it is not ${NAMES[source.format]}`;
  if (problem === null) return digests.sha256;
  throw new UserError(`${path} is not the expected file: ${problem}. Delete it or replace it with the right one.`);
}

/** Git's blob hash of a file. */
export async function gitBlobSha1(path: string): Promise<string> {
  const hash = createHash('sha1').update(`blob ${(await stat(path)).size}\0`);
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) hash.update(chunk);
  return hash.digest('hex');
}
