import { ImageError } from '../../shared/errors.js';
import sharp from '../../shared/sharp.js';
import type { Architecture } from '../architecture.js';
import { prepareImage } from './prepare-image.js';

/* What a thread of `startImageThreads` runs. */

export interface ImageTask {
  bytes: Uint8Array;
  /** For error messages. */
  name: string;
  resolution: number;
  aspect: Architecture['imageAspect'];
}

/** The pixels, or what an ImageError said: classes of errors do not survive the way to another thread. */
export type PreparedImage = { pixels: Uint8Array } | Pick<ImageError, 'code' | 'message'>;

sharp.concurrency(1); // there are as many images at once as threads, and they leave the cores to the model

export default async function prepare({ bytes, name, resolution, aspect }: ImageTask): Promise<PreparedImage> {
  try {
    return { pixels: await prepareImage(bytes, name, resolution, aspect) };
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    return { code: error.code, message: error.message };
  }
}
