/**
 * McNemar's two-sided mid-p test of whether two models differ on questions that are either right or wrong. Only questions
 * that exactly one of them answers correctly count. Mid-p subtracts half the probability of the observed split from the
 * exact binomial p-value, which is too conservative. Questions are assumed to be independent.
 * Source: Fagerland, Lydersen, Laake, BMC Medical Research Methodology 13:91, 2013.
 */
export function mcnemarMidP(onlyFirst: number, onlySecond: number): number {
  const n = onlyFirst + onlySecond;
  const fewer = Math.min(onlyFirst, onlySecond);
  if (2 * fewer === n) return 1; // also if there are no such questions
  const chance = Math.exp(logChoose(n, fewer) - n * Math.LN2); // probability of exactly this split
  let [below, term] = [0, chance];
  for (let k = fewer; k > 0 && term > below * Number.EPSILON; k--) {
    term *= k / (n - k + 1); // from C(n, k) to C(n, k - 1)
    below += term;
  }
  return 2 * below + chance;
}

/** Holm's step-down correction of p-values for multiple testing. Null stays null. */
export function holmAdjusted(pValues: readonly (number | null)[]): (number | null)[] {
  const ranked = pValues.flatMap((p, place) => (p === null ? [] : [{ p, place }])).sort((a, b) => a.p - b.p);
  const adjusted = pValues.map((): number | null => null);
  let largest = 0;
  ranked.forEach(({ p, place }, rank) => {
    largest = Math.max(largest, Math.min(1, (ranked.length - rank) * p));
    adjusted[place] = largest;
  });
  return adjusted;
}

/** Quantiles of the standard normal distribution: of a two-sided test at the 5 % level, and of a power of 80 %. */
export const SIGNIFICANCE_QUANTILE = 1.959964;
export const DETECTION_QUANTILE = 0.841621;

/** The smallest difference that a test at the 5 % level finds with 80 % power, from the difference's standard error. */
export function detectableDifference(standardError: number): number {
  return (SIGNIFICANCE_QUANTILE + DETECTION_QUANTILE) * standardError;
}

function logChoose(n: number, k: number): number {
  return logFactorial(n) - logFactorial(k) - logFactorial(n - k);
}

/** Uses Stirling's series from 20 on, which is accurate to the last digits. */
function logFactorial(n: number): number {
  if (n < 20) {
    let product = 1;
    for (let i = 2; i <= n; i++) product *= i;
    return Math.log(product);
  }
  const series = 1 / (12 * n) - 1 / (360 * n ** 3) + 1 / (1260 * n ** 5);
  return n * Math.log(n) - n + Math.log(2 * Math.PI * n) / 2 + series;
}
