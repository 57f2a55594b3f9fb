import { ImageError } from '../errors.js';
import { decodeImage, type RgbImage } from './decode-image.js';
import { resizeBicubic } from './resize-image.js';

/** Largest image made on the way, in pixels; a very thin one becomes a very large square. 1.6 GB of levels. */
const MAX_PIXELS = 2 ** 29;

/** CLIP's mean colour in whole levels, int(mean * 255): what the official code pads with (LLaVA mm_utils.py). */
const PAD_COLOR = Uint8Array.of(122, 116, 104);

/**
 * An encoded image as the model sees it, before normalisation: decoded, made square and resized as the official
 * preprocessing does it (LLaVA mm_utils.py, process_images).
 * @param aspect `pad`: padded to a square, then resized; `crop`: shortest edge resized, centre cropped
 * @returns RGB levels, [resolution, resolution, 3]
 * @throws ImageError when the bytes are no image that can be read, or one too thin to be made square
 */
export async function prepareImage(
  bytes: Uint8Array,
  name: string,
  resolution: number,
  aspect: 'pad' | 'crop',
): Promise<Uint8Array> {
  const image = await decodeImage(bytes, name);
  const { width, height } = image;
  const longest = Math.max(width, height);
  const pixels = aspect === 'pad' ? longest ** 2 : (resolution * resolution * longest) / Math.min(width, height);
  if (pixels > MAX_PIXELS) {
    throw new ImageError('too-large', `${name} is ${width} x ${height}: too thin to be made square in memory`);
  }
  if (aspect === 'crop') return cropToSquare(image, resolution);
  const square = padToSquare(image);
  return resizeBicubic(square.pixels, square, { width: resolution, height: resolution });
}

/** LLaVA's expand2square: the image in the middle of a square of the pad colour. */
function padToSquare({ width, height, pixels }: RgbImage): RgbImage {
  if (width === height) return { width, height, pixels };
  const side = Math.max(width, height);
  const top = Math.floor((side - height) / 2);
  const left = Math.floor((side - width) / 2);
  const padded = new Uint8Array(side * side * 3);
  padded.set(PAD_COLOR);
  for (let filled = 3; filled < padded.length; filled *= 2) padded.copyWithin(filled, 0, filled);
  for (let y = 0; y < height; y++) {
    const row = pixels.subarray(y * width * 3, (y + 1) * width * 3);
    padded.set(row, ((y + top) * side + left) * 3);
  }
  return { width: side, height: side, pixels: padded };
}

/** CLIP's image processor: the shortest edge becomes `size`, the longer one in proportion, the middle is kept. */
function cropToSquare(image: RgbImage, size: number): Uint8Array {
  const { width, height } = image;
  const shortest = Math.min(width, height);
  const scaled = (edge: number): number => (edge === shortest ? size : Math.trunc((size * edge) / shortest));
  const to = { width: scaled(width), height: scaled(height) };
  const resized = resizeBicubic(image.pixels, image, to);
  const top = Math.floor((to.height - size) / 2);
  const left = Math.floor((to.width - size) / 2);
  const square = new Uint8Array(size * size * 3);
  for (let y = 0; y < size; y++) {
    const start = ((y + top) * to.width + left) * 3;
    square.set(resized.subarray(start, start + size * 3), y * size * 3);
  }
  return square;
}
