import { max, min } from 'simple-statistics';
import type { Metrics } from '../runs/metrics.js';
import type { Interval } from './bootstrap.js';

const MAX_DECIMALS = 3;

/**
 * Number of decimals that an uncertainty supports: at most two of its digits are given, as recommended by the Guide to the
 * Expression of Uncertainty in Measurement (7.2.6). 0 for 12.4, 1 for 6.2, 2 for 0.35.
 * @param halfWidth half-width of the 95 % interval, in the unit of the number
 */
export function decimalsFor(halfWidth: number): number {
  if (!(halfWidth > 0)) return MAX_DECIMALS;
  return Math.min(MAX_DECIMALS, Math.max(0, 1 - Math.floor(Math.log10(halfWidth))));
}

/** Half-width of an interval. Null for zero width, which means that no variation was observed, not that there is none. */
export function halfWidthOf(interval: Interval | null | undefined): number | null {
  return interval && interval.high > interval.low ? (interval.high - interval.low) / 2 : null;
}

/**
 * Number of decimals for a run's score. Without an interval, the bound 0.98 / sqrt(n) is used in its place, which is reached
 * when half of the questions are right; points, which have no such bound, get one decimal.
 */
function scoreDecimals(metrics: Metrics, name: string): number {
  const known = halfWidthOf(metrics.intervals[name]);
  if (known !== null) return decimalsFor(known);
  return metrics.points.includes(name) ? 1 : decimalsFor(98 / Math.sqrt(Math.max(1, metrics.n)));
}

/**
 * Number of decimals of a column of scores: what the most certain of them supports.
 * @param name of the score (default: each run's main score)
 */
export function columnDecimals(column: readonly Metrics[], name?: string): number {
  const decimals = column.flatMap((metrics) => {
    const own = name ?? metrics.headline;
    return own !== null && Object.hasOwn(metrics.scores, own) ? [scoreDecimals(metrics, own)] : [];
  });
  return max([0, ...decimals]);
}

/** A run's score, by default with the digits it supports: `{ text: "67.1", interval: "[65.8, 68.4]" }`. */
export function scoreText(
  metrics: Metrics,
  name: string,
  decimals = scoreDecimals(metrics, name),
): { text: string; interval: string | null } {
  const interval = metrics.intervals[name];
  return {
    text: metrics.scores[name]!.toFixed(decimals),
    interval: interval ? intervalText(interval, decimals) : null,
  };
}

/**
 * Formats the numbers of a column with equally many decimals: those that give the smallest of them three digits, since
 * times vary by more than a percent from run to run.
 */
export function columnFormat(values: readonly (number | null)[]): (value: number) => string {
  const sizes = values.flatMap((value) => (value === null || value === 0 ? [] : [Math.abs(value)]));
  const smallest = sizes.length === 0 ? 0 : min(sizes);
  const decimals = smallest >= 100 ? 0 : smallest >= 10 ? 1 : smallest >= 1 ? 2 : 3;
  return (value) => value.toFixed(decimals);
}

/** "[66.1, 68.1]", in the unit of the score. */
export function intervalText({ low, high }: Interval, decimals: number): string {
  return `[${low.toFixed(decimals)}, ${high.toFixed(decimals)}]`;
}

/** A number with its sign; no sign if it rounds to zero. */
export function signedText(value: number, decimals: number): string {
  const text = value.toFixed(decimals);
  if (Number(text) === 0) return text.replace('-', '');
  return value > 0 ? `+${text}` : text;
}

/**
 * "0.032", "<0.001": three decimals, the resolution of 2,000 resamples; "<0.050" if rounding would hide that the value is
 * below 0.05.
 */
export function pValueText(p: number | null): string {
  if (p === null) return '-';
  if (p < 0.001) return '<0.001';
  return p < 0.05 && p.toFixed(3) === '0.050' ? '<0.050' : p.toFixed(3);
}
