/**
 * McNemar's mid-p test, two-sided: whether two models differ on questions that are right or wrong. Only those that one of
 * them answers count; under "no difference" they fall to either side as a fair coin. Mid-p is the exact binomial test less
 * half the chance of the observed split: the exact one is too careful. Questions are taken as independent.
 * Source: Fagerland, Lydersen, Laake, BMC Medical Research Methodology 13:91, 2013.
 */
export function mcnemarMidP(onlyFirst: number, onlySecond: number): number {
  const n = onlyFirst + onlySecond;
  const fewer = Math.min(onlyFirst, onlySecond);
  if (2 * fewer === n) return 1; // also without any such question
  const chance = Math.exp(logChoose(n, fewer) - n * Math.LN2); // of exactly this split
  let [below, term] = [0, chance];
  for (let k = fewer; k > 0 && term > below * Number.EPSILON; k--) {
    term *= k / (n - k + 1); // from C(n, k) to C(n, k - 1)
    below += term;
  }
  return 2 * below + chance;
}

/** Holm's step-down correction: p-values that hold for all of a family's tests together. null stays null. */
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

const QUANTILE_975 = 1.959964; // of the standard normal distribution: two-sided test at 5 %
const QUANTILE_80 = 0.841621; // power of 80 %

/** The difference that a test at 5 % finds in four of five repetitions, from the difference's standard error. */
export function detectableDifference(standardError: number): number {
  return (QUANTILE_975 + QUANTILE_80) * standardError;
}

function logChoose(n: number, k: number): number {
  return logFactorial(n) - logFactorial(k) - logFactorial(n - k);
}

/** Stirling's series from 20 on: right to the last digits. */
function logFactorial(n: number): number {
  if (n < 20) {
    let product = 1;
    for (let i = 2; i <= n; i++) product *= i;
    return Math.log(product);
  }
  const series = 1 / (12 * n) - 1 / (360 * n ** 3) + 1 / (1260 * n ** 5);
  return n * Math.log(n) - n + Math.log(2 * Math.PI * n) / 2 + series;
}
