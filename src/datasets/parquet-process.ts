import { answerParent } from '../shared/watched-process.js';
import type { ImageSource, ImageStamp } from './image-source.js';
import { openParquetFolder } from './parquet-images.js';

/*
 * Reads the Parquet images of a folder in a separate process, which parquet-folder.ts starts and ends: hyparquet trusts
 * lengths and counts inside a page, so that a few bytes can make it loop forever or run out of memory, which ends the
 * process. The first request opens a folder, the following ones read images.
 */

export type ParquetRequest = { kind: 'open'; folder: string } | { kind: 'read' | 'stamp'; image: string };
/** An image's bytes or stamp, or whether there are any images. */
export type ParquetAnswer = Uint8Array | ImageStamp | null | boolean;

let images: ImageSource | null = null;

answerParent<ParquetRequest, ParquetAnswer>(async (request) => {
  if (request.kind !== 'open') return images![request.kind](request.image);
  images = await openParquetFolder(request.folder);
  return images !== null;
});
