import { ImageError } from '../../shared/errors.js';
import { decodeImage, type RgbImage } from './decode-image.js';
import { resizeBicubic, resizeInSquare } from './resize-image.js';

/** Largest square that an image may be padded to, in pixels; weights and time grow with its side. */
const MAX_PIXELS = 2 ** 29;

/** CLIP's mean colour in whole levels, int(mean * 255): what the official code pads with (LLaVA mm_utils.py). */
const PAD_COLOR = Uint8Array.of(122, 116, 104);

/**
 * An encoded image as the model sees it, before normalisation: decoded, made square and resized as the official
 * preprocessing does it (LLaVA mm_utils.py, process_images).
 * @param aspect `pad`: padded to a square, then resized; `crop`: shortest edge resized, centre cropped
 * @returns RGB levels, [resolution, resolution, 3]
 * @throws ImageError when the bytes are no image that can be read, or one too thin to be padded to a square
 */
export async function prepareImage(
  bytes: Uint8Array,
  name: string,
  resolution: number,
  aspect: 'pad' | 'crop',
): Promise<Uint8Array> {
  const image = await decodeImage(bytes, name);
  if (aspect === 'crop') return cropToSquare(image, resolution);
  const { width, height } = image;
  if (Math.max(width, height) ** 2 > MAX_PIXELS) {
    throw new ImageError('too-large', `${name} is ${width} x ${height}: too thin to be made square in memory`);
  }
  return resizeInSquare(image.pixels, image, PAD_COLOR, resolution); // LLaVA's expand2square, then resize
}

/**
 * CLIP's image processor: the shortest edge becomes `size`, the longer one in proportion, the middle is kept. Only the
 * middle is made: of an image a few pixels high the whole would be millions of columns.
 */
function cropToSquare(image: RgbImage, size: number): Uint8Array {
  const { width, height } = image;
  const shortest = Math.min(width, height);
  const scaled = (edge: number): number => (edge === shortest ? size : Math.trunc((size * edge) / shortest));
  const to = { width: scaled(width), height: scaled(height) };
  const top = Math.floor((to.height - size) / 2);
  const left = Math.floor((to.width - size) / 2);
  return resizeBicubic(image.pixels, image, to, { left, top, size });
}
