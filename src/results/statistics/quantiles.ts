import { mean, quantileSorted } from 'simple-statistics';
import type { Interval } from './bootstrap.js';

/** Minimum number of values for which a quantile differs from the maximum. */
const FEWEST = { p50: 1, p95: 20, p99: 100 } as const;

/** Summary of repeated measurements; null where there are too few. */
export interface Quantiles {
  n: number;
  p50: number | null;
  p95: number | null;
  p99: number | null;
  mean: number | null;
}

/** Computes type 7 quantiles (linear interpolation), as NumPy and R do. */
export function quantilesOf(values: readonly number[]): Quantiles {
  const sorted = [...values].sort((a, b) => a - b);
  const n = sorted.length;
  const at = (fewest: number, q: number): number | null => (n >= fewest ? quantileSorted(sorted, q) : null);
  return {
    n,
    p50: at(FEWEST.p50, 0.5),
    p95: at(FEWEST.p95, 0.95),
    p99: at(FEWEST.p99, 0.99),
    mean: n > 0 ? mean(sorted) : null,
  };
}

/** Most that a 95 % interval may miss on one side. */
const TAIL = 0.025;

/**
 * 95 % interval of the median: the narrowest pair of measured values, equally far from both ends, that encloses it with at
 * least that probability, whatever the distribution. Source: David and Nagaraja, Order Statistics, 2003, 7.1.
 * @returns null with fewer than six values, which cannot enclose it so often
 */
export function medianInterval(values: readonly number[]): Interval | null {
  const sorted = [...values].sort((a, b) => a - b);
  const n = sorted.length;
  let inside = 0; // values left out at each end
  let term = 0.5 ** n; // probability that `inside` of n values are below the median
  for (let below = term; below <= TAIL; below += term) {
    inside++;
    term *= (n - inside + 1) / inside;
  }
  return inside === 0 ? null : { low: sorted[inside - 1]!, high: sorted[n - inside]! };
}
