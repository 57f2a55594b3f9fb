import { max, min } from 'simple-statistics';

const LEAST_SPAN = 0.001; // of an axis, relative to its values: ticks of fewer digits could not be told apart
const ROOM = 0.05; // beside values that are equal, relative to them

/**
 * The range of an axis. Values that are equal or nearly so are in its middle: an empty range would have one tick several times
 * over, and bars as long as the plot.
 * @param floor the axis ends there, such as at zero for what cannot be negative
 */
export function valueDomain(values: readonly number[], floor = Number.NEGATIVE_INFINITY): [number, number] {
  const [low, high] = [min([...values]), max([...values])];
  const size = Math.max(Math.abs(low), Math.abs(high));
  if (high - low > size * LEAST_SPAN) return [low, high];
  const room = size === 0 ? 1 : size * ROOM;
  return [Math.max(low - room, Math.min(low, floor)), high + room];
}
