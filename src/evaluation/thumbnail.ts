import type { ImageSource } from '../datasets/image-source.js';
import { imageFormat, MAX_PIXELS } from '../model/images/decode-image.js';
import { ImageError } from '../shared/errors.js';
import sharp from '../shared/sharp.js';

const LONGER_SIDE = 256; // pixels
const QUALITY = 50; // of WebP: 2 to 8 kB at this size

/**
 * A small WebP of an image, upright or not as the model sees it; null when it cannot be read. Damaged parts do not matter,
 * and a JPEG is decoded at a fraction of its size: 17 ms of CPU
 * time for 1024 x 768 pixels, where decoding all of it took 27.
 */
export async function makeThumbnail(images: ImageSource, name: string): Promise<Buffer | null> {
  const bytes = await readImage(images, name);
  if (bytes === null || imageFormat(bytes) === undefined) return null;
  try {
    return await sharp(bytes, { failOn: 'none', limitInputPixels: MAX_PIXELS })
      .resize(LONGER_SIDE, LONGER_SIDE, { fit: 'inside', withoutEnlargement: true })
      .removeAlpha()
      .webp({ quality: QUALITY })
      .toBuffer();
  } catch {
    return null; // sharp's errors are all about the image
  }
}

async function readImage(images: ImageSource, name: string): Promise<Uint8Array | null> {
  try {
    return await images.read(name);
  } catch (error) {
    if (error instanceof ImageError) return null;
    throw error;
  }
}
