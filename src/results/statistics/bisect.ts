import type { Interval } from './bootstrap.js';

/** Halve an interval to the last bit of a double. */
const BISECTIONS = 60;

/** Narrows an interval around the value below which `isTooLow` is true and above which it is false. */
export function bisect({ low, high }: Interval, isTooLow: (value: number) => boolean): Interval {
  let [below, above] = [low, high];
  for (let i = 0; i < BISECTIONS; i++) {
    const middle = (below + above) / 2;
    if (isTooLow(middle)) below = middle;
    else above = middle;
  }
  return { low: below, high: above };
}
