import { ImageError, UserError } from '../shared/errors.js';
import { startWatchedProcess } from '../shared/watched-process.js';
import type { ImageSource, ImageStamp } from './image-source.js';
import { parquetFilesOf } from './parquet-images.js';
import type { ParquetAnswer, ParquetRequest } from './parquet-process.js';

/** Far above the decoding of a page; reading from a slow disk does not count. */
export const PARQUET_STALL_MS = 60_000;
/** A row group of 256 MB is kept as bytes, which do not lie on the heap. */
export const PARQUET_HEAP_MEGABYTES = 1024;

/**
 * Opens the images of the parquet files in a folder or in its `data/`, as `openParquetFolder` of parquet-images.ts does,
 * in a process of its own: a file that keeps its reader busy for ever, or fills its memory, is refused. null without
 * such files.
 * @param stallMs how long a page may take
 * @throws UserError naming the file that is broken, or the folder when its reader hung or ended
 */
export async function openParquetFolder(folder: string, stallMs = PARQUET_STALL_MS): Promise<ImageSource | null> {
  if ((await parquetFilesOf(folder)).length === 0) return null;
  const reader = startWatchedProcess<ParquetRequest, ParquetAnswer>(new URL('./parquet-process.js', import.meta.url), {
    heapMegabytes: PARQUET_HEAP_MEGABYTES,
    stallMs,
    endedError: (how) =>
      new UserError(
        `A parquet file in ${folder} is damaged: reading it ${how}. Delete its parquet files and download them again.`,
      ),
    failureError: ({ name, message, code }) =>
      name === 'ImageError' ? new ImageError(code as ImageError['code'], message) : new UserError(message),
  });
  const found = await reader.ask({ kind: 'open', folder }).catch((error) => {
    reader.close();
    throw error;
  });
  if (!found) {
    reader.close();
    return null;
  }
  return {
    read: (image) => reader.ask({ kind: 'read', image }) as Promise<Uint8Array>,
    stamp: (image) => reader.ask({ kind: 'stamp', image }) as Promise<ImageStamp | null>,
    async close() {
      reader.close();
    },
  };
}
