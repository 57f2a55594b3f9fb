import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { oneByOne, runLanes } from '../../src/evaluation/lanes.js';

test('lanes work at the same time and do every item once', async () => {
  const items = [1, 2, 3, 4, 5];
  let [atOnce, most] = [0, 0];
  const done: number[] = [];
  await runLanes(
    2,
    () => items.shift(),
    async (item) => {
      most = Math.max(most, ++atOnce);
      await sleep(1);
      atOnce--;
      done.push(item);
    },
  );
  assert.deepEqual([most, done.toSorted()], [2, [1, 2, 3, 4, 5]]);
});

test('when a lane fails the others end after their item, and its error is thrown', async () => {
  const items = [1, 2, 3, 4, 5];
  const done: number[] = [];
  const work = async (item: number): Promise<void> => {
    if (item === 1) throw new Error('bad item');
    await sleep(5);
    done.push(item);
  };
  await assert.rejects(
    runLanes(2, () => items.shift(), work),
    /bad item/,
  );
  assert.deepEqual([done, items], [[2], [3, 4, 5]]);
});

test('one by one: calls run in order, and one that fails does not stop the next', async () => {
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
