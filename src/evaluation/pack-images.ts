import type { PreparedImage } from '../model/images/prepare-image.js';
import type { PromptRow } from '../model/inference/pack-prompts.js';

/** The images of a batch as a model takes them. */
export interface PackedImages {
  /** uint8, [squares, resolution, resolution, 3]: the images, or their tiles one after the other */
  pixels: Uint8Array;
  /** Of each image: the number of its first square, and the order of its visual tokens if it has tiles. */
  places: Pick<PromptRow, 'image' | 'order'>[];
}

/** Packs the images of a batch. @param resolution side of a square in pixels */
export function packImages(images: readonly PreparedImage[], resolution: number): PackedImages {
  const squareBytes = resolution ** 2 * 3;
  const pixels = new Uint8Array(images.reduce((sum, image) => sum + image.pixels.length, 0));
  let next = 0;
  const places = images.map((image) => {
    const first = next / squareBytes;
    pixels.set(image.pixels, next);
    next += image.pixels.length;
    return { image: first, ...(image.order && { order: image.order }) };
  });
  return { pixels, places };
}
