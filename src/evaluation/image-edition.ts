import { createHash } from 'node:crypto';
import type { ImageSource } from '../datasets/image-source.js';
import { decodeImage, imageFormat, MAX_PIXELS } from '../model/images/decode-image.js';
import type { ImageEdition } from '../results/html/report.js';
import { ImageError } from '../shared/errors.js';
import sharp from '../shared/sharp.js';

const OPTIONS = { failOn: 'none', limitInputPixels: MAX_PIXELS } as const;

/** Longer side in pixels, and quality of the WebP. Five photographs took 3 to 11 kB and 31 to 55 kB. */
const EDITIONS: Record<ImageEdition, { side: number; quality: number }> = {
  small: { side: 256, quality: 50 },
  large: { side: 1024, quality: 60 },
};

/**
 * A WebP edition of an image, in the orientation the model sees; null if it cannot be read, "changed" if it is not the image
 * that a run was asked about. Partly damaged images are accepted. JPEGs are decoded at reduced size: 17 ms of CPU time for a
 * small edition of 1024 x 768 pixels, where a full decode took 27.
 * @param sha256 of the image's bytes during the run (default: not known)
 */
export async function makeImageEdition(
  images: ImageSource,
  name: string,
  edition: ImageEdition,
  sha256?: string,
): Promise<Buffer | 'changed' | null> {
  const bytes = await readImage(images, name);
  if (bytes === null) return null;
  if (sha256 !== undefined && createHash('sha256').update(bytes).digest('hex') !== sha256) return 'changed';
  const format = imageFormat(bytes);
  if (format === undefined) return null;
  const { side, quality } = EDITIONS[edition];
  try {
    const image = format === 'bmp' ? await fromPixels(bytes, name) : sharp(bytes, OPTIONS);
    return await image
      .resize(side, side, { fit: 'inside', withoutEnlargement: true })
      .removeAlpha()
      .webp({ quality })
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
