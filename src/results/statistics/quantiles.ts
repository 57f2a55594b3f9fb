import { mean, quantileSorted } from 'simple-statistics';

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
