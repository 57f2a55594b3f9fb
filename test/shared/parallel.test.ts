import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { forEachParallel, oneByOne, takeInParallel } from '../../src/shared/parallel.js';

test('workers run at the same time and do every item once', async () => {
  const items = [1, 2, 3, 4, 5];
  let [atOnce, most] = [0, 0];
  const done: number[] = [];
  await takeInParallel(
    () => items.shift(),
    2,
    async (item) => {
      most = Math.max(most, ++atOnce);
      await sleep(1);
      atOnce--;
      done.push(item);
    },
  );
  assert.deepEqual([most, done.toSorted()], [2, [1, 2, 3, 4, 5]]);
});

test('when a worker fails the others end after their item, and its error is thrown', async () => {
  const items = [1, 2, 3, 4, 5];
  const done: number[] = [];
  const work = async (item: number): Promise<void> => {
    if (item === 1) throw new Error('bad item');
    await sleep(5);
    done.push(item);
  };
  await assert.rejects(
    takeInParallel(() => items.shift(), 2, work),
    /bad item/,
  );
  assert.deepEqual([done, items], [[2], [3, 4, 5]]);
});

test('calls run in order, one at a time, and a failing one does not stop the next', async () => {
  const order: string[] = [];
  const call = oneByOne(async (name: string, ms: number) => {
    await sleep(ms);
    if (name === 'bad') throw new Error('bad');
    order.push(name);
  });
  const results = await Promise.allSettled([call('slow', 5), call('bad', 0), call('fast', 0)]);
  assert.deepEqual(order, ['slow', 'fast']);
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
});

test('items that work adds to the queue are done too; a failure tells the others to stop', async () => {
  const items = [1];
  const done: number[] = [];
  await takeInParallel(
    () => items.shift(),
    1,
    async (item) => {
      done.push(item);
      if (item < 3) items.push(item + 1);
    },
  );
  assert.deepEqual(done, [1, 2, 3]);
  let stopped = false;
  const work = async (item: number, stop: AbortSignal): Promise<void> => {
    if (item === 0) throw new Error('bad item');
    await new Promise((resolve) => stop.addEventListener('abort', resolve));
    stopped = true;
  };
  await assert.rejects(forEachParallel([1, 0, 2], 2, work), /bad item/);
  assert.equal(stopped, true);
});
