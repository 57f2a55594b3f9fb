import sharp from 'sharp';
import type { ImageSource } from '../benchmarks/benchmark.js';
import { ImageError } from '../errors.js';
import { decodeImage } from '../model/decode-image.js';

const LONGER_SIDE = 256; // pixels
const QUALITY = 50; // of WebP: 2 to 8 kB at this size

/** A small WebP of an image as the model sees it; null when it cannot be read. */
export async function makeThumbnail(images: ImageSource, name: string): Promise<Buffer | null> {
  try {
    const { width, height, pixels } = await decodeImage(await images.read(name), name);
    return await sharp(pixels, { raw: { width, height, channels: 3 } })
      .resize(LONGER_SIDE, LONGER_SIDE, { fit: 'inside', withoutEnlargement: true })
      .webp({ quality: QUALITY })
      .toBuffer();
  } catch (error) {
    if (error instanceof ImageError) return null;
    throw error;
  }
}
