import { ImageError, UserError } from '../shared/errors.js';
import { startWatchedProcess } from '../shared/watched-process.js';
import type { ImageSource, ImageStamp } from './image-source.js';
import { parquetFilesOf } from './list-parquet-files.js';
import type { ParquetAnswer, ParquetRequest } from './parquet-process.js';

/** Far above the time to decode a page; reading from a slow disk does not count. */
export const PARQUET_STALL_MS = 60_000;
/** A row group of 256 MB is kept as bytes, which are outside the heap. */
export const PARQUET_HEAP_MEGABYTES = 1024;

/**
 * Opens the images of the Parquet files in a folder or in its `data/`, like `openParquetFolder` of parquet-images.ts,
 * but in a separate process, so that a file that makes the reader hang or run out of memory is an error. null if there
 * are no such files.
 * @param stallMs time limit per page
 * @throws UserError naming the damaged file, or the folder when its reader hung or crashed
 */
export async function openParquetFolder(folder: string, stallMs = PARQUET_STALL_MS): Promise<ImageSource | null> {
  if ((await parquetFilesOf(folder)).length === 0) return null;
  const reader = startWatchedProcess<ParquetRequest, ParquetAnswer>(new URL('./parquet-process.js', import.meta.url), {
    heapMegabytes: PARQUET_HEAP_MEGABYTES,
    stallMs,
    endedError: (how) =>
      new UserError(
        `A Parquet file in ${folder} is damaged: reading it ${how}. Delete the folder's Parquet files and download them again.`,
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
