import { type FileHandle, open } from 'node:fs/promises';
import { UserError } from '../../shared/errors.js';
import { systemReason } from '../../shared/system-errors.js';

/** A file opened for reading at byte offsets. */
export interface OpenFile {
  readonly path: string;
  /** Size in bytes when the file was opened. */
  readonly size: number;
  /** @throws UserError when the file ends before these bytes do */
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

// On Linux, a read call returns at most 0x7ffff000 bytes.
const LARGEST_READ = 2 ** 30;

/** @throws UserError when the path is not a readable file */
export async function openFile(path: string): Promise<OpenFile> {
  let handle: FileHandle;
  try {
    handle = await open(path);
  } catch (error) {
    throw new UserError(`${path} cannot be opened: ${systemReason(error, path)}`, { cause: error });
  }
  const stats = await handle.stat();
  if (!stats.isFile()) {
    await handle.close();
    throw new UserError(`${path} is not a file.`);
  }
  return {
    path,
    size: stats.size,
    async read(offset, length) {
      if (offset + length > stats.size) {
        throw new UserError(
          `${path} ends at byte ${stats.size}, but bytes ${offset} to ${offset + length} are needed: the file is damaged or incompletely downloaded.`,
        );
      }
      const bytes = Buffer.allocUnsafeSlow(length);
      let done = 0;
      while (done < length) {
        const { bytesRead } = await handle.read(bytes, done, Math.min(length - done, LARGEST_READ), offset + done);
        if (bytesRead === 0) throw new UserError(`${path} was truncated while it was being read.`);
        done += bytesRead;
      }
      return bytes;
    },
    close: () => handle.close(),
  };
}
