import { ImageError } from '../../shared/errors.js';
import sharp from '../../shared/sharp.js';
import type { Architecture } from '../architecture.js';
import { prepareImage } from './prepare-image.js';

/* Runs in each thread of `startImageThreads`. */

export interface ImageTask {
  bytes: Uint8Array;
  /** For error messages. */
  name: string;
  resolution: number;
  aspect: Architecture['imageAspect'];
}

/** The pixels, or the contents of an ImageError, since error classes are lost between threads. */
export type PreparedImage = { pixels: Uint8Array } | Pick<ImageError, 'code' | 'message'>;

sharp.concurrency(1); // images are already decoded in parallel, and the cores are needed for the model

export default async function prepare({ bytes, name, resolution, aspect }: ImageTask): Promise<PreparedImage> {
  try {
    return { pixels: await prepareImage(bytes, name, resolution, aspect) };
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    return { code: error.code, message: error.message };
  }
}
