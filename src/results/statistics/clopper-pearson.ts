import { bisect } from './bisect.js';
import type { Interval } from './bootstrap.js';

const TAIL = 0.025; // on either side of a 95 % interval

/**
 * Exact 95 % interval of a proportion: it covers the true value in at least 95 % of samples, whatever that value is.
 * Source: Clopper and Pearson, Biometrika 26, 1934. Neither argument need be an integer: an effective sample size is not.
 * @param successes 0 to `n`
 * @returns 0 to 1
 */
export function clopperPearson(successes: number, n: number): Interval {
  const failures = n - successes;
  return {
    low: successes <= 0 ? 0 : betaQuantile(TAIL, successes, failures + 1),
    high: failures <= 0 ? 1 : betaQuantile(1 - TAIL, successes + 1, failures),
  };
}

/** Quantile of the beta distribution. */
function betaQuantile(probability: number, a: number, b: number): number {
  const { low, high } = bisect({ low: 0, high: 1 }, (x) => regularizedBeta(x, a, b) < probability);
  return (low + high) / 2;
}

/** Regularized incomplete beta function I_x(a, b), by its continued fraction. Source: DLMF 8.17.22 */
function regularizedBeta(x: number, a: number, b: number): number {
  if (x <= 0 || x >= 1) return x <= 0 ? 0 : 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - regularizedBeta(1 - x, b, a); // where the fraction converges fast
  const front = Math.exp(a * Math.log(x) + b * Math.log1p(-x) - logBeta(a, b)) / a;
  return front / continuedFraction(x, a, b);
}

const MAX_TERMS = 1000;
const TINY = 1e-300; // stands for zero in a denominator

/** 1 + d1 / (1 + d2 / (1 + ...)), evaluated forwards. Source: Lentz, Applied Optics 15, 1976 */
function continuedFraction(x: number, a: number, b: number): number {
  let fraction = 1;
  let c = 1;
  let d = 0;
  for (let i = 1; i < MAX_TERMS; i++) {
    const m = i >> 1;
    const term =
      i % 2 === 0
        ? (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
        : (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / (1 + term * d || TINY);
    c = 1 + term / c || TINY;
    const step = c * d;
    fraction *= step;
    if (Math.abs(step - 1) < 1e-15) break;
  }
  return fraction;
}

function logBeta(a: number, b: number): number {
  return logGamma(a) + logGamma(b) - logGamma(a + b);
}

/** Stirling's series, after moving small arguments up. */
function logGamma(x: number): number {
  let shift = 0;
  let z = x;
  while (z < 15) shift += Math.log(z++);
  const series = 1 / (12 * z) - 1 / (360 * z ** 3) + 1 / (1260 * z ** 5) - 1 / (1680 * z ** 7);
  return (z - 0.5) * Math.log(z) - z + Math.log(2 * Math.PI) / 2 + series - shift;
}
