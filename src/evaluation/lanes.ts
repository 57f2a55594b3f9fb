/**
 * Does work items in several lanes at once, until `next` has no more. When a lane fails, the others end after the item
 * they are at. @throws what the first failing lane threw
 */
export async function runLanes<T>(
  count: number,
  next: () => T | undefined,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const failures: unknown[] = [];
  const lane = async (): Promise<void> => {
    while (failures.length === 0) {
      const item = next();
      if (item === undefined) return;
      await work(item).catch((error: unknown) => failures.push(error));
    }
  };
  await Promise.all(Array.from({ length: count }, lane));
  if (failures.length > 0) throw failures[0];
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
