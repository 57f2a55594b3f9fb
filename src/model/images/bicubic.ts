/** The input cells that one output cell is computed from, and their weights, which sum to 1. */
export interface Taps {
  first: number;
  weights: Float64Array;
}

/** A range of cells along one axis. */
export interface Part {
  start: number;
  size: number;
}

/**
 * Bicubic resampling along one axis from `from` to `to` cells: Keys' kernel with a = -0.5, widened when shrinking
 * (antialias), truncated and renormalised at the borders. Pillow's Resample.c and torch's antialiased bicubic use the
 * same weights; the order of operations is Pillow's, so that the weights are bit-identical.
 * @param part the output cells to compute (default: all)
 */
export function bicubicTaps(from: number, to: number, part: Part = { start: 0, size: to }): Taps[] {
  const scale = from / to;
  const stretch = Math.max(scale, 1);
  const support = 2 * stretch;
  return Array.from({ length: part.size }, (_, i) => {
    const center = (part.start + i + 0.5) * scale;
    const first = Math.max(Math.trunc(center - support + 0.5), 0);
    const end = Math.min(Math.trunc(center + support + 0.5), from);
    const weights = new Float64Array(end - first);
    let sum = 0;
    for (let k = 0; k < weights.length; k++) {
      weights[k] = cubic((k + first - center + 0.5) * (1 / stretch));
      sum += weights[k]!;
    }
    for (let k = 0; k < weights.length; k++) weights[k]! /= sum;
    return { first, weights };
  });
}

/** Keys' cubic convolution kernel with a = -0.5. */
function cubic(x: number): number {
  const a = -0.5;
  const t = Math.abs(x);
  if (t < 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  if (t < 2) return (((t - 5) * t + 8) * t - 4) * a;
  return 0;
}
