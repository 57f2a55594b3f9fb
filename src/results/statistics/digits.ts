import type { Metrics } from '../runs/metrics.js';
import type { Interval } from './bootstrap.js';

const MAX_DECIMALS = 3;

/**
 * Decimals that an uncertainty supports: two digits of it are told, as the Guide to the Expression of Uncertainty in
 * Measurement has it (7.2.6), and no more of the number. 0 for 12.4, 1 for 6.2, 2 for 0.35.
 * @param halfWidth of the 95 % interval, in the unit of the number
 */
export function decimalsFor(halfWidth: number): number {
  if (!(halfWidth > 0)) return MAX_DECIMALS;
  return Math.min(MAX_DECIMALS, Math.max(0, 1 - Math.floor(Math.log10(halfWidth))));
}

/** Half of an interval's width. An interval without width says that no error was seen, not that there is none: null. */
export function halfWidthOf(interval: Interval | null | undefined): number | null {
  return interval && interval.high > interval.low ? (interval.high - interval.low) / 2 : null;
}

/**
 * Decimals of a score of a run. Where it has no interval it gets as many as half of the questions being right would: a
 * score cannot be known better than 0.98 / sqrt(n); points, which have no such bound, get one.
 */
export function scoreDecimals(metrics: Metrics, name: string): number {
  const known = halfWidthOf(metrics.intervals[name]);
  if (known !== null) return decimalsFor(known);
  return metrics.points.includes(name) ? 1 : decimalsFor(98 / Math.sqrt(Math.max(1, metrics.n)));
}

/** A score of a run with the digits it supports, as `{ text: "67.1", interval: "[65.8, 68.4]" }`. */
export function scoreText(metrics: Metrics, name: string): { text: string; interval: string | null } {
  const decimals = scoreDecimals(metrics, name);
  const interval = metrics.intervals[name];
  return {
    text: metrics.scores[name]!.toFixed(decimals),
    interval: interval ? intervalText(interval, decimals) : null,
  };
}

export function intervalText({ low, high }: Interval, decimals: number): string {
  return `[${low.toFixed(decimals)}, ${high.toFixed(decimals)}]`;
}

/** With its sign; a difference that rounds to nothing has none. */
export function signedText(value: number, decimals: number): string {
  const text = value.toFixed(decimals);
  if (Number(text) === 0) return text.replace('-', '');
  return value > 0 ? `+${text}` : text;
}

/**
 * "0.032", "<0.001": three decimals, which is what 2,000 resamples can tell; "<0.050" where those would hide on which side
 * of it the value is.
 */
export function pValueText(p: number | null): string {
  if (p === null) return '-';
  if (p < 0.001) return '<0.001';
  return p < 0.05 && p.toFixed(3) === '0.050' ? '<0.050' : p.toFixed(3);
}
