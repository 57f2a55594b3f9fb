/**
 * Works on items, a few at a time and in their order. After a failure nothing new is begun, and what was begun is told to
 * stop and waited for, so that nothing goes on behind the caller's back.
 * @param work is given a signal that is aborted with the caller's, or when another item failed
 * @throws the first failure
 */
export async function forEachParallel<T>(
  items: Iterable<T>,
  limit: number,
  work: (item: T, stop: AbortSignal) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  const queue = items[Symbol.iterator]();
  await takeInParallel(() => queue.next().value as T | undefined, limit, work, signal);
}

/**
 * `forEachParallel` for items that come from a queue which work may add to: each of `limit` workers takes the next item
 * until there is none.
 */
export async function takeInParallel<T>(
  take: () => T | undefined,
  limit: number,
  work: (item: T, stop: AbortSignal) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  const others = new AbortController();
  const stop = signal ? AbortSignal.any([signal, others.signal]) : others.signal;
  let failure: { error: unknown } | undefined;
  const worker = async (): Promise<void> => {
    while (failure === undefined) {
      const item = take();
      if (item === undefined) return;
      try {
        await work(item, stop);
      } catch (error) {
        failure ??= { error };
        others.abort();
      }
    }
  };
  await Promise.all(Array.from({ length: limit }, worker));
  if (failure) throw failure.error;
}

/** A function whose calls wait for each other, in the order they are made. */
export function oneByOne<Arguments extends unknown[]>(
  call: (...args: Arguments) => Promise<void>,
): (...args: Arguments) => Promise<void> {
  let last: Promise<unknown> = Promise.resolve();
  return (...args) => {
    const result = last.then(() => call(...args));
    last = result.catch(() => undefined);
    return result;
  };
}
