import { ImageError } from '../shared/errors.js';
import type { ImageSource } from './image-source.js';

/** Placeholder for the images of a folder when answers are scored, which needs none. */
export function noImages(folder: string): ImageSource {
  return {
    async read(image) {
      throw new ImageError('missing', `${image}: the images of ${folder} were not opened`);
    },
    async stamp() {
      return null;
    },
    async close() {},
  };
}
