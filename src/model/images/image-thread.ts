import { ImageError } from '../../shared/errors.js';
import sharp from '../../shared/sharp.js';
import { type ImageInput, type PreparedImage, prepareInput } from './prepare-image.js';

/* Runs in each thread of `startImageThreads`. */

export interface ImageTask {
  bytes: Uint8Array;
  /** For error messages. */
  name: string;
  input: ImageInput;
}

/** The contents of an ImageError in its place, since error classes are lost between threads. */
export type ImageResult = PreparedImage | Pick<ImageError, 'code' | 'message'>;

sharp.concurrency(1); // images are already decoded in parallel, and the cores are needed for the model

export default async function prepare({ bytes, name, input }: ImageTask): Promise<ImageResult> {
  try {
    return await prepareInput(bytes, name, input);
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    return { code: error.code, message: error.message };
  }
}
