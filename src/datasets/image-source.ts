import { open } from 'node:fs/promises';
import { type Entry, openPromise, type ZipFile } from 'yauzl';
import { ImageError, messageOf, UserError } from '../shared/errors.js';
import { insideFolder } from '../shared/inside-folder.js';

/** Images of a benchmark: a folder, or a zip archive read without unpacking. */
export interface ImageSource {
  /** Encoded bytes of one image. @throws ImageError when it is missing */
  read(image: string): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** Far above any encoded picture; a file that says it is larger is not read into memory. */
const MAX_FILE_BYTES = 512 * 1024 * 1024;

/** Images that are files of a folder, which is never listed: it may hold 100,000 of them. */
export function openImageFolder(folder: string): ImageSource {
  return {
    async read(image) {
      const path = insideFolder(folder, image);
      if (path === null) throw new ImageError('unreadable', `${JSON.stringify(image)} leads out of ${folder}`);
      try {
        return await readRegularFile(path);
      } catch (error) {
        throw error instanceof ImageError ? error : fileError(path, error);
      }
    },
    async close() {},
  };
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

function fileError(path: string, error: unknown): ImageError {
  const { code } = error as NodeJS.ErrnoException;
  const isMissing = code === 'ENOENT' || code === 'ENOTDIR';
  if (isMissing) return new ImageError('missing', `${path} does not exist`, { cause: error });
  return new ImageError('unreadable', `${path} cannot be read: ${messageOf(error)}`, { cause: error });
}

/** @throws ImageError when an image has more bytes than are read into memory */
export function checkImageBytes(name: string, bytes: number): void {
  if (bytes <= MAX_FILE_BYTES) return;
  throw new ImageError('too-large', `${name} has ${bytes} bytes; images of at most ${MAX_FILE_BYTES} are read`);
}

/**
 * Images that are members of a zip archive, stored or deflated. The archive's directory is read once (4 s for 100,000
 * members) and nothing is unpacked to the disk.
 * @param prefix what the member names begin with before the image's name, such as `train_images/`
 * @throws UserError when the file is no zip archive or cannot be read
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
        return Buffer.concat(chunks);
      } catch (error) {
        throw new ImageError('unreadable', `${member} cannot be read: ${messageOf(error)}`, { cause: error });
      }
    },
    async close() {
      zip.close();
    },
  };
}

async function openZip(zipPath: string, prefix: string): Promise<{ zip: ZipFile; members: Map<string, Entry> }> {
  try {
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
    throw new UserError(`${zipPath} cannot be read as a zip archive: ${messageOf(error)}`, { cause: error });
  }
}
