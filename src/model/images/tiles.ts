import { max } from 'simple-statistics';
import { ImageError } from '../../shared/errors.js';
import type { Tiling } from '../architecture.js';
import { type ImageSize, resizeBicubic } from './resize-image.js';

/** An entry of a `TileOrder` that stands for the learned end of a row, `image_newline`. */
export const NEWLINE = -1;

/** Visual tokens in the order of the prompt, as indices into those of an image's tiles, or NEWLINE. */
export type TileOrder = Int32Array;

/** Most tiles of an image, the small copy of the whole included. */
export function maxTiles({ sizes }: Tiling, side: number): number {
  return 1 + max(sizes.map(([width, height]) => (width * height) / side ** 2));
}

/** Most visual tokens of an image. @param grid tokens along a tile's side */
export function maxTiledTokens({ sizes }: Tiling, side: number, grid: number): number {
  const cut = sizes.map(([width, height]) => ((width / side) * grid + 1) * (height / side) * grid);
  return grid ** 2 + max(cut);
}

/**
 * The tiles of an image: first the whole resized to one square, then the parts of the image scaled into the best of the
 * sizes and centred on black, row by row. Source: LLaVA mm_utils.py, process_anyres_image.
 * @param pixels RGB, [height, width, 3]
 * @returns RGB, [tiles, side, side, 3]
 * @throws ImageError when one side would be less than a pixel
 */
export function cutTiles(pixels: Uint8Array, image: ImageSize, side: number, tiling: Tiling): Uint8Array {
  const [width, height] = bestSize(image, tiling);
  const tileBytes = side * side * 3;
  const columns = width / side;
  const result = new Uint8Array(tileBytes * (1 + columns * (height / side)));
  result.set(resizeBicubic(pixels, image, { width: side, height: side }));

  const scaled = scaledSize(image, width, height);
  const content = resizeBicubic(pixels, image, scaled);
  const left = Math.floor((width - scaled.width) / 2);
  const top = Math.floor((height - scaled.height) / 2);
  for (let y = 0; y < scaled.height; y++) {
    const tileRow = Math.floor((top + y) / side);
    const row = (top + y) % side;
    for (let x = 0; x < scaled.width; ) {
      const tile = 1 + tileRow * columns + Math.floor((left + x) / side);
      const column = (left + x) % side;
      const count = Math.min(side - column, scaled.width - x);
      const from = (y * scaled.width + x) * 3;
      result.set(content.subarray(from, from + count * 3), tile * tileBytes + (row * side + column) * 3);
      x += count;
    }
  }
  return result;
}

/**
 * The order of an image's visual tokens: those of the small copy, then row by row those of the tiles put together, without
 * the rows or columns of the black margins, each row followed by the newline. Source: LLaVA llava_arch.py, spatial_unpad.
 * @param grid tokens along a tile's side
 */
export function tileOrder(image: ImageSize, side: number, grid: number, tiling: Tiling): TileOrder {
  const [width, height] = bestSize(image, tiling);
  const columns = width / side;
  const { left, right, top, bottom } = unpadded(image, columns * grid, (height / side) * grid, tiling);
  const order = Array.from({ length: grid ** 2 }, (_, i) => i);
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      const tile = 1 + Math.floor(y / grid) * columns + Math.floor(x / grid);
      order.push((tile * grid + (y % grid)) * grid + (x % grid));
    }
    order.push(NEWLINE);
  }
  return Int32Array.from(order);
}

/** The size that keeps most of an image's pixels; of several, the one with the fewest left over. Source: select_best_resolution */
function bestSize({ width, height }: ImageSize, { sizes }: Tiling): readonly [number, number] {
  let best = sizes[0]!;
  let [most, wasted] = [0, Number.POSITIVE_INFINITY];
  for (const size of sizes) {
    const scale = Math.min(size[0] / width, size[1] / height);
    const effective = Math.min(Math.trunc(width * scale) * Math.trunc(height * scale), width * height);
    const left = size[0] * size[1] - effective;
    if (effective > most || (effective === most && left < wasted)) [best, most, wasted] = [size, effective, left];
  }
  // The official code finds no size then, and ends with an exception.
  if (most === 0) throw new ImageError('too-large', `it is ${width} x ${height}, too elongated to be cut into tiles`);
  return best;
}

/** The size of an image scaled to fit. Source: resize_and_pad_image */
function scaledSize({ width, height }: ImageSize, toWidth: number, toHeight: number): ImageSize {
  const [x, y] = [toWidth / width, toHeight / height];
  return x < y
    ? { width: toWidth, height: Math.min(Math.ceil(height * x), toHeight) }
    : { width: Math.min(Math.ceil(width * y), toWidth), height: toHeight };
}

/** The region of the token map without margins. Source: LLaVA llava_arch.py and transformers, unpad_image */
function unpadded(image: ImageSize, columns: number, rows: number, { roundsBeforeTruncating }: Tiling) {
  const whole = (x: number): number => Math.trunc(roundsBeforeTruncating ? Number(x.toFixed(7)) : x);
  if (image.width / image.height > columns / rows) {
    const margin = Math.floor((rows - whole(image.height * (columns / image.width))) / 2);
    return { left: 0, right: columns, top: margin, bottom: rows - margin };
  }
  const margin = Math.floor((columns - whole(image.width * (rows / image.height))) / 2);
  return { left: margin, right: columns - margin, top: 0, bottom: rows };
}
