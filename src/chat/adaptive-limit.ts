/** How many requests a server may have at the same time. */
export interface RequestLimit {
  readonly current: number;
  /** A request was answered. */
  answered(): void;
  /** The server is overloaded. @param startedAt time at which the request was sent */
  overloaded(startedAt: number): void;
}

const START = 4;
export const MAX_REQUESTS = 256;
const GROWTH = 1.5;
/** Factor by which answers per second must rise for more concurrent requests to be worth it. */
const WORTH_IT = 1.08;
/** A rate is measured over this many rounds of requests, and at least this many answers. */
const ROUNDS = 2;
const MIN_ANSWERS = 8;
/** Measurements before more requests are tried again, as questions differ in how much work they take. */
const HELD = 16;

/** Always `requests` concurrent requests. */
export function fixedLimit(requests: number): RequestLimit {
  return { current: requests, answered() {}, overloaded() {} };
}

/**
 * Finds the number of concurrent requests at which a server answers most per second: it grows by half as long as the rate
 * of answers grows too, and is halved when the server is overloaded.
 * @param now clock in milliseconds
 */
export function adaptiveLimit(now: () => number = () => performance.now()): RequestLimit {
  let limit = START;
  let previous = { limit: START, rate: 0 };
  let held = 0;
  let lastCut = Number.NEGATIVE_INFINITY;
  let settling = 0; // answers to requests that were sent before the limit changed
  let answers = 0;
  let start = now();

  const begin = (next: number): void => {
    settling = next === limit ? 0 : next;
    limit = next;
    answers = 0;
    start = now();
  };
  const measured = (rate: number): void => {
    const isHeld = held > 0;
    if (isHeld) held--;
    if (isHeld || rate > WORTH_IT * previous.rate) {
      previous = { limit, rate };
      begin(held === 0 ? grown(limit) : limit);
    } else {
      held = HELD;
      begin(previous.limit);
    }
  };

  return {
    get current() {
      return limit;
    },
    answered() {
      if (settling > 0) {
        settling--;
        start = now();
        return;
      }
      answers++;
      if (answers < Math.max(MIN_ANSWERS, ROUNDS * limit)) return;
      measured(answers / Math.max(1, now() - start));
    },
    overloaded(startedAt) {
      if (startedAt <= lastCut) return; // part of the same overload
      lastCut = now();
      held = HELD;
      begin(Math.max(1, Math.floor(limit / 2)));
    },
  };
}

function grown(limit: number): number {
  return Math.min(MAX_REQUESTS, Math.ceil(limit * GROWTH));
}
