import { mean, quantileSorted } from 'simple-statistics';

/** Fewest values for which a quantile is more than the maximum by another name. */
const FEWEST = { p50: 1, p95: 20, p99: 100 } as const;

/** A quantity over repeated measurements; null where there are too few of them to say. */
export interface Quantiles {
  n: number;
  p50: number | null;
  p95: number | null;
  p99: number | null;
  mean: number | null;
}

/** Quantiles are of type 7 (linear between the two neighbours), as in NumPy and R. */
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
