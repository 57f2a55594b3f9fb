import { answerParent } from '../shared/watched-process.js';
import type { ImageSource, ImageStamp } from './image-source.js';
import { openParquetFolder } from './parquet-images.js';

/*
 * Reads the parquet images of a folder in a process of its own, which parquet-folder.ts starts and ends: hyparquet
 * believes lengths and counts inside a page, so that a few bytes can keep it busy for ever or fill its memory, and a full
 * memory ends the process. It is asked to open a folder once, then for images.
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
