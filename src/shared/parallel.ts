/**
 * Processes items in order, a few at a time. After a failure no further item is started, and running ones are aborted
 * and awaited, so that nothing is still running on return.
 * @param work gets a signal that is aborted with the caller's, or when another item fails
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
 * Like `forEachParallel` for a queue that work may add items to: each of `limit` workers takes the next item until the
 * queue is empty.
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

/** Makes a function whose calls run one after the other, in order. */
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
