import { createReadStream } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createInflateRaw } from 'node:zlib';
import type { Entry } from 'yauzl';
import { countOf } from '../shared/count-of.js';
import { crc32 } from '../shared/crc32.js';
import { checkDiskSpace } from '../shared/disk-space.js';
import { UserError } from '../shared/errors.js';
import { makeFolder } from '../shared/make-folder.js';
import { withPath } from '../shared/system-errors.js';

/** A member of an archive and the file to extract it to. */
export interface WantedMember {
  member: string;
  /** Absolute path, checked by the caller to be inside its folder. */
  to: string;
}

export interface ExtractOptions {
  signal?: AbortSignal;
  /** Compressed bytes of extracted and of all members. */
  onProgress?: (doneBytes: number, totalBytes: number) => void;
}

/** Larger than any benchmark file; a member that declares more is a zip bomb or a mistake. */
const MAX_MEMBER_BYTES = 2 * 2 ** 30;
/** Maximum expansion of deflate. */
const MAX_INFLATION = 1032;
const STORED = 0;
const DEFLATED = 8;
const SYMLINK = 0o120000;
const FILE_TYPE = 0o170000;

/**
 * The entries of the requested members, in archive order.
 * @throws UserError for members that are missing, duplicate, encrypted, links, or of implausible size
 */
export function entriesOf(
  archive: string,
  entries: readonly Entry[],
  wanted: readonly WantedMember[],
): { entry: Entry; to: string }[] {
  const targets = new Map(wanted.map(({ member, to }) => [member, to]));
  const found = new Map<string, { entry: Entry; to: string }>();
  for (const entry of entries) {
    const to = targets.get(entry.fileName);
    if (to === undefined) continue;
    if (found.has(entry.fileName)) throw memberError(archive, entry.fileName, 'occurs twice');
    checkEntry(archive, entry);
    found.set(entry.fileName, { entry, to });
  }
  const missing = [...targets.keys()].filter((name) => !found.has(name));
  if (missing.length > 0) {
    const some = missing.slice(0, 3).join(', ');
    throw new UserError(`${archive} is missing ${missing.length} of ${targets.size} required members: ${some} ...`);
  }
  return [...found.values()].sort((a, b) => a.entry.relativeOffsetOfLocalHeader - b.entry.relativeOffsetOfLocalHeader);
}

function checkEntry(archive: string, entry: Entry): void {
  const { fileName, compressedSize, uncompressedSize, compressionMethod, externalFileAttributes } = entry;
  if (((externalFileAttributes >>> 16) & FILE_TYPE) === SYMLINK) {
    throw memberError(archive, fileName, 'is a symbolic link, which is not allowed');
  }
  if (entry.isEncrypted()) throw memberError(archive, fileName, 'is encrypted');
  if (compressionMethod !== STORED && compressionMethod !== DEFLATED) {
    throw memberError(archive, fileName, `uses compression method ${compressionMethod}; only deflate is supported`);
  }
  if (compressionMethod === STORED && compressedSize !== uncompressedSize) {
    throw memberError(archive, fileName, `is stored, but declares ${compressedSize} and ${uncompressedSize} bytes`);
  }
  if (uncompressedSize > MAX_MEMBER_BYTES) {
    throw memberError(
      archive,
      fileName,
      `declares ${uncompressedSize} bytes, more than the limit of ${MAX_MEMBER_BYTES}`,
    );
  }
  if (uncompressedSize > compressedSize * MAX_INFLATION) {
    throw memberError(
      archive,
      fileName,
      `declares ${uncompressedSize} bytes, which is impossible for ${compressedSize} compressed bytes`,
    );
  }
}

/** @throws UserError when there is not enough disk space for the members */
export async function checkRoomFor(members: readonly { entry: Entry; to: string }[]): Promise<void> {
  const [first] = members;
  if (first === undefined) return;
  const bytes = members.reduce((sum, { entry }) => sum + entry.uncompressedSize, 0);
  await checkDiskSpace(dirname(first.to), bytes, `Unpacking ${countOf(members.length, 'file')}`);
}

function memberError(archive: string, member: string, problem: string): UserError {
  return new UserError(`${archive}: ${JSON.stringify(member)} ${problem}`);
}

/** Whether a member has already been extracted, according to size and checksum. */
export async function isExtracted({ uncompressedSize, crc32: wanted }: Entry, to: string): Promise<boolean> {
  const status = await stat(to).catch(() => null);
  if (!status?.isFile() || status.size !== uncompressedSize) return false;
  let crc = 0;
  for await (const chunk of createReadStream(to, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    crc = crc32(chunk, crc);
  }
  return crc === wanted;
}

/**
 * Extracts a member from its compressed bytes to a temporary file, verifies it and renames it.
 * @throws UserError when size or checksum differ from the archive's directory
 */
export async function writeMember(
  archive: string,
  entry: Entry,
  compressed: AsyncIterable<Uint8Array>,
  to: string,
): Promise<void> {
  const { fileName, uncompressedSize, compressionMethod } = entry;
  await makeFolder(dirname(to));
  const temporary = `${to}.part`;
  // Only what fails in writing is about this file: reading the compressed bytes may fail as well.
  const atTarget = (error: unknown): never => {
    throw withPath(error, to);
  };
  const file = await open(temporary, 'w');
  try {
    let bytes = 0;
    let crc = 0;
    for await (const chunk of compressionMethod === DEFLATED ? inflated(compressed) : compressed) {
      bytes += chunk.byteLength;
      if (bytes > uncompressedSize)
        throw memberError(archive, fileName, `is longer than the declared ${uncompressedSize} bytes`);
      crc = crc32(chunk, crc);
      await file.writeFile(chunk).catch(atTarget);
    }
    if (bytes !== uncompressedSize) {
      throw memberError(archive, fileName, `ends after ${bytes} of ${uncompressedSize} bytes`);
    }
    if (crc !== entry.crc32) throw memberError(archive, fileName, 'is damaged: its checksum differs');
    await file.close().catch(atTarget);
    await rename(temporary, to);
  } catch (error) {
    await file.close();
    await rm(temporary, { force: true });
    if ((error as NodeJS.ErrnoException).code?.startsWith('Z_')) {
      throw memberError(archive, fileName, `cannot be unpacked: ${(error as Error).message}`);
    }
    throw error;
  }
}

async function* inflated(compressed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const inflate = createInflateRaw();
  const feeding = (async () => {
    for await (const chunk of compressed) {
      if (!inflate.write(chunk)) await new Promise((resolve) => inflate.once('drain', resolve));
    }
    inflate.end();
  })().catch((error: Error) => inflate.destroy(error));
  yield* inflate;
  await feeding;
}
