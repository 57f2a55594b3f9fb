import { open, stat } from 'node:fs/promises';
import { isAbsolute, relative, resolve } from 'node:path';
import type { Entry, ZipFile } from 'yauzl';
import { crc32 } from '../shared/crc32.js';
import { ImageError, UserError } from '../shared/errors.js';
import { insideFolder } from '../shared/inside-folder.js';
import { isExhaustion, systemReason } from '../shared/system-errors.js';

/** Images of a benchmark, in a folder, or in a zip archive or Parquet files that are not unpacked. */
export interface ImageSource {
  /** Encoded bytes of one image. @throws ImageError when it is missing */
  read(image: string): Promise<Uint8Array>;
  /** What tells without reading an image whether it may have changed; null when it is missing. */
  stamp(image: string): Promise<ImageStamp | null>;
  close(): Promise<void>;
}

/** Equal stamps of a name mean the same bytes; other stamps may do so, too: a copy has other times. */
export interface ImageStamp {
  /** Size of the encoded image in bytes; null where only reading it would tell. */
  bytes: number | null;
  /** Times of a file, or the checksum in an archive's directory. */
  mark: string;
}

/** Far above any encoded image; larger files are not read into memory. */
const MAX_FILE_BYTES = 512 * 1024 * 1024;

/** Images that are files in a folder. The folder is never listed, since it may contain 100,000 of them. */
export function openImageFolder(folder: string): ImageSource {
  return {
    async read(image) {
      const path = pathOf(folder, image);
      if (typeof path !== 'string') throw new ImageError('unreadable', path.problem);
      try {
        return await readRegularFile(path);
      } catch (error) {
        throw error instanceof ImageError ? error : fileError(path, error);
      }
    },
    async stamp(image) {
      const path = pathOf(folder, image);
      return typeof path === 'string' ? stampOfFile(path) : null;
    },
    async close() {},
  };
}

/** The file of an image, which question files name by a path below the folder or an absolute one that leads into it. */
function pathOf(folder: string, image: string): string | { problem: string } {
  if (image === '') return { problem: 'the name of the image is empty' };
  if (!isAbsolute(image))
    return insideFolder(folder, image) ?? { problem: `${JSON.stringify(image)} is outside ${folder}` };
  const path = insideFolder(folder, relative(resolve(folder), image));
  return path ?? { problem: `${JSON.stringify(image)} is an absolute path outside of ${folder}: make it relative` };
}

/** null when there is no such file, or it is no regular file. */
export async function stampOfFile(path: string): Promise<ImageStamp | null> {
  // ctime changes with the content whatever a program sets mtime to.
  const status = await stat(path, { bigint: true }).catch(() => null);
  if (!status?.isFile()) return null;
  return { bytes: Number(status.size), mark: `${status.mtimeNs} ${status.ctimeNs}` };
}

async function readRegularFile(path: string): Promise<Uint8Array> {
  const file = await open(path, 'r');
  try {
    const status = await file.stat();
    if (!status.isFile()) throw new ImageError('unreadable', `${path} is not a file`);
    checkImageBytes(path, status.size);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/**
 * The error for an image's file.
 * @throws UserError when this process could not open any file: then the image is not to blame
 */
export function fileError(path: string, error: unknown): ImageError {
  const { code } = error as NodeJS.ErrnoException;
  if (isExhaustion(error))
    throw new UserError(`${path} cannot be read: ${systemReason(error, path)}`, { cause: error });
  const isMissing = code === 'ENOENT' || code === 'ENOTDIR';
  if (isMissing) return new ImageError('missing', `${path} does not exist`, { cause: error });
  return new ImageError('unreadable', `${path} cannot be read: ${systemReason(error, path)}`, { cause: error });
}

/** @throws ImageError when an image is larger than the limit */
export function checkImageBytes(name: string, bytes: number): void {
  if (bytes <= MAX_FILE_BYTES) return;
  throw new ImageError('too-large', `${name} has ${bytes} bytes, more than the limit of ${MAX_FILE_BYTES}`);
}

/**
 * Images that are members of a zip archive, stored or deflated. The archive's directory is read once (4 s for 100,000
 * members) and nothing is unpacked to disk.
 * @param prefix prefix of member names before the image's name, such as `train_images/`
 * @throws UserError when the file is not a zip archive or cannot be read
 */
export async function openImageZip(zipPath: string, prefix = ''): Promise<ImageSource> {
  const { zip, members } = await openZip(zipPath, prefix);
  return {
    async read(image) {
      const member = `${zipPath}: ${prefix}${image}`;
      const entry = members.get(prefix + image);
      if (!entry) throw new ImageError('missing', `${member} does not exist`);
      checkImageBytes(member, entry.uncompressedSize);
      try {
        const chunks: Buffer[] = [];
        // The stream fails as soon as it passes the declared size.
        for await (const chunk of await zip.openReadStreamPromise(entry)) chunks.push(chunk);
        const bytes = Buffer.concat(chunks);
        if (crc32(bytes) !== entry.crc32) throw new Error('bad CRC-32: the archive is damaged');
        return bytes;
      } catch (error) {
        throw new ImageError('unreadable', `${member} cannot be read: ${systemReason(error)}`, { cause: error });
      }
    },
    async stamp(image) {
      const entry = members.get(prefix + image);
      return entry ? { bytes: entry.uncompressedSize, mark: `crc32 ${entry.crc32.toString(16)}` } : null;
    },
    async close() {
      zip.close();
    },
  };
}

async function openZip(zipPath: string, prefix: string): Promise<{ zip: ZipFile; members: Map<string, Entry> }> {
  try {
    const { openPromise } = await import('yauzl');
    const zip = await openPromise(zipPath, { autoClose: false });
    try {
      const members = new Map<string, Entry>();
      for await (const entry of zip.eachEntry()) {
        if (entry.fileName.startsWith(prefix)) members.set(entry.fileName, entry);
      }
      return { zip, members };
    } catch (error) {
      zip.close();
      throw error;
    }
  } catch (error) {
    throw new UserError(`${zipPath} cannot be read as a zip archive: ${systemReason(error, zipPath)}`, {
      cause: error,
    });
  }
}
