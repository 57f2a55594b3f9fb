import { createHash } from 'node:crypto';
import type { ImageSource } from '../datasets/image-source.js';
import { decodeImage, imageFormat, MAX_PIXELS } from '../model/images/decode-image.js';
import { ImageError } from '../shared/errors.js';
import sharp from '../shared/sharp.js';

const LONGER_SIDE = 256; // pixels
const OPTIONS = { failOn: 'none', limitInputPixels: MAX_PIXELS } as const;
const QUALITY = 50; // of WebP: 2 to 8 kB at this size

export interface ThumbnailOptions {
  /** What the image's bytes were during the run. */
  sha256?: string;
  /** Called when they are others now. */
  onChanged?: () => void;
}

/**
 * A small WebP of an image, in the orientation the model sees; null if it cannot be read, or is not the image that a run was
 * asked about. Partly damaged images are accepted. JPEGs are decoded at reduced size: 17 ms of CPU time for 1024 x 768 pixels, where a full decode took 27.
 */
export async function makeThumbnail(
  images: ImageSource,
  name: string,
  { sha256, onChanged }: ThumbnailOptions = {},
): Promise<Buffer | null> {
  const bytes = await readImage(images, name);
  if (bytes !== null && sha256 !== undefined && createHash('sha256').update(bytes).digest('hex') !== sha256) {
    onChanged?.();
    return null;
  }
  const format = bytes && imageFormat(bytes);
  if (bytes === null || format === undefined) return null;
  try {
    const image = format === 'bmp' ? await fromPixels(bytes, name) : sharp(bytes, OPTIONS);
    return await image
      .resize(LONGER_SIDE, LONGER_SIDE, { fit: 'inside', withoutEnlargement: true })
      .removeAlpha()
      .webp({ quality: QUALITY })
      .toBuffer();
  } catch {
    return null; // only thrown for bad images
  }
}

/** An image of a format that sharp does not read. */
async function fromPixels(bytes: Uint8Array, name: string): Promise<ReturnType<typeof sharp>> {
  const { width, height, pixels } = await decodeImage(bytes, name);
  return sharp(pixels, { raw: { width, height, channels: 3 } });
}

async function readImage(images: ImageSource, name: string): Promise<Uint8Array | null> {
  try {
    return await images.read(name);
  } catch (error) {
    if (error instanceof ImageError) return null;
    throw error;
  }
}
