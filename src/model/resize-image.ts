import { bicubicTaps } from './bicubic.js';

/** Bits of the fixed-point weights in Pillow's 8-bit resampling (Resample.c, PRECISION_BITS). */
const FRACTION_BITS = 22;

/**
 * `PIL.Image.resize((width, height), BICUBIC)` of an RGB image, byte for byte: fixed-point weights, the horizontal pass
 * first, its result rounded to whole levels before the vertical pass.
 *
 * Done here and not by the graph's Resize operator, which differs from Pillow by one level in a few of 10,000 values:
 * enough to move visual tokens by 2e-4.
 * @param pixels RGB, [from.height, from.width, 3]
 * @returns RGB, [to.height, to.width, 3]; `pixels` itself when the size stays the same
 */
export function resizeBicubic(
  pixels: Uint8Array,
  from: { width: number; height: number },
  to: { width: number; height: number },
): Uint8Array {
  const wide = from.width === to.width ? pixels : resizeRows(pixels, from.width, to.width);
  return from.height === to.height ? wide : resizeColumns(wide, from.height, to.height, to.width * 3);
}

/** All taps of an axis in one array of fixed-point weights: `count[i]` weights from `start[i]` on, read from `first[i]`. */
interface FixedTaps {
  first: Int32Array;
  start: Int32Array;
  count: Int32Array;
  weights: Int32Array;
}

function fixedTaps(from: number, to: number): FixedTaps {
  const taps = bicubicTaps(from, to);
  const start = new Int32Array(to);
  for (let i = 1; i < to; i++) start[i] = start[i - 1]! + taps[i - 1]!.weights.length;
  return {
    first: Int32Array.from(taps, ({ first }) => first),
    start,
    count: Int32Array.from(taps, ({ weights }) => weights.length),
    weights: Int32Array.from(
      taps.flatMap(({ weights }) =>
        Array.from(weights, (w) => Math.trunc(w * 2 ** FRACTION_BITS + (w < 0 ? -0.5 : 0.5))),
      ),
    ),
  };
}

/** Resamples along x: [rows, from, 3] -> [rows, to, 3]. */
function resizeRows(pixels: Uint8Array, from: number, to: number): Uint8Array {
  const { first, start, count, weights } = fixedTaps(from, to);
  const rows = pixels.length / (from * 3);
  const result = new Uint8Array(rows * to * 3);
  let target = 0;
  for (let row = 0; row < rows; row++) {
    for (let x = 0; x < to; x++) {
      let red = HALF;
      let green = HALF;
      let blue = HALF;
      let source = (row * from + first[x]!) * 3;
      const end = start[x]! + count[x]!;
      for (let tap = start[x]!; tap < end; tap++) {
        const weight = weights[tap]!;
        red += pixels[source]! * weight;
        green += pixels[source + 1]! * weight;
        blue += pixels[source + 2]! * weight;
        source += 3;
      }
      result[target++] = toLevel(red);
      result[target++] = toLevel(green);
      result[target++] = toLevel(blue);
    }
  }
  return result;
}

/** Resamples along y: [from, rowBytes] -> [to, rowBytes]. Whole rows are added up, which keeps memory access in order. */
function resizeColumns(pixels: Uint8Array, from: number, to: number, rowBytes: number): Uint8Array {
  const { first, start, count, weights } = fixedTaps(from, to);
  const result = new Uint8Array(to * rowBytes);
  const sums = new Int32Array(rowBytes);
  for (let y = 0; y < to; y++) {
    sums.fill(HALF);
    for (let k = 0; k < count[y]!; k++) {
      const weight = weights[start[y]! + k]!;
      const source = (first[y]! + k) * rowBytes;
      for (let i = 0; i < rowBytes; i++) sums[i]! += pixels[source + i]! * weight;
    }
    const target = y * rowBytes;
    for (let i = 0; i < rowBytes; i++) result[target + i] = toLevel(sums[i]!);
  }
  return result;
}

const HALF = 1 << (FRACTION_BITS - 1);

function toLevel(sum: number): number {
  const level = sum >> FRACTION_BITS;
  return level < 0 ? 0 : level > 255 ? 255 : level;
}
