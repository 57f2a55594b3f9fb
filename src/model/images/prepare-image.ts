import { ImageError } from '../../shared/errors.js';
import type { Architecture, Tiling } from '../architecture.js';
import { decodeImage } from './decode-image.js';
import { resizeBicubic, resizeInSquare } from './resize-image.js';
import type { RgbImage } from './rgb-image.js';
import { cutTiles, type TileOrder, tileOrder } from './tiles.js';

/** Largest square that an image may be padded to, in pixels. Memory and time grow with its side. */
const MAX_PIXELS = 2 ** 29;

/** CLIP's mean colour, int(mean * 255), which the official code pads with (LLaVA mm_utils.py). */
const PAD_COLOR = Uint8Array.of(122, 116, 104);

/** Square inputs of the vision graph made from one image. */
export interface PreparedImage {
  /** RGB, [squares, resolution, resolution, 3] */
  pixels: Uint8Array;
  /** How the visual tokens of several squares follow each other in a prompt; null for a single square. */
  order: TileOrder | null;
}

/** How a model takes images. */
export interface ImageInput {
  /** Side of a square in pixels. */
  resolution: number;
  /** Visual tokens along a square's side. */
  grid: number;
  aspect: Architecture['imageAspect'];
  tiling: Tiling | undefined;
}

/** Decodes an image and makes it the model's input. @throws ImageError when it cannot be decoded or is too elongated */
export async function prepareInput(
  bytes: Uint8Array,
  name: string,
  { resolution, grid, aspect, tiling }: ImageInput,
): Promise<PreparedImage> {
  if (tiling === undefined) return { pixels: await prepareImage(bytes, name, resolution, aspect), order: null };
  const image = await decodeImage(bytes, name);
  return {
    pixels: cutTiles(image.pixels, image, resolution, tiling),
    order: tileOrder(image, resolution, grid, tiling),
  };
}

/**
 * Decodes an image, makes it square and resizes it like the official preprocessing before normalisation (LLaVA
 * mm_utils.py, process_images).
 * @param aspect `pad`: pad to a square, then resize; `crop`: resize the shortest edge, then crop the centre
 * @returns RGB, [resolution, resolution, 3]
 * @throws ImageError when the image cannot be decoded or is too elongated to be padded to a square
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
    throw new ImageError('too-large', `${name} is ${width} x ${height}, too elongated to be padded to a square`);
  }
  return resizeInSquare(image.pixels, image, PAD_COLOR, resolution); // LLaVA's expand2square, then resize
}

/**
 * Like CLIP's image processor: resizes the shortest edge to `size`, the other proportionally, and crops the centre.
 * Only the crop is computed: the whole of an image a few pixels high could have millions of columns.
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
