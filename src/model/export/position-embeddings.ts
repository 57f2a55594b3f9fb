import { bicubicTaps, type Taps } from '../images/bicubic.js';

/**
 * Resamples position embeddings to another grid like torch's interpolate(mode="bicubic", antialias=True): separable, first
 * along x, then along y. Done at export, since a graph has one resolution. The table excludes the class token's row.
 * @param table [from * from, channels], row-major
 * @returns [to * to, channels]
 */
export function resamplePositions(table: Float32Array, from: number, to: number, channels: number): Float32Array {
  if (from === to) return table;
  const taps = bicubicTaps(from, to);
  const wide = resampleAxis(table, taps, { lines: from, lineStride: from, cellStride: 1 }, channels, {
    lineStride: to,
    cellStride: 1,
  });
  return resampleAxis(wide, taps, { lines: to, lineStride: 1, cellStride: to }, channels, {
    lineStride: 1,
    cellStride: to,
  });
}

/** Resamples every line of cells along one axis. Strides are in cells. */
function resampleAxis(
  source: Float32Array,
  taps: readonly Taps[],
  from: { lines: number; lineStride: number; cellStride: number },
  channels: number,
  to: { lineStride: number; cellStride: number },
): Float32Array {
  const result = new Float32Array(from.lines * taps.length * channels);
  for (let line = 0; line < from.lines; line++) {
    taps.forEach(({ first, weights }, i) => {
      const target = (line * to.lineStride + i * to.cellStride) * channels;
      weights.forEach((weight, k) => {
        const cell = (line * from.lineStride + (first + k) * from.cellStride) * channels;
        for (let c = 0; c < channels; c++) result[target + c]! += weight * source[cell + c]!;
      });
    });
  }
  return result;
}
