import assert from 'node:assert/strict';
import test from 'node:test';
import { planTimings } from '../../src/evaluation/timing-plan.js';

/** A letter per run: A and B are the models, lower case for warming up. */
function written(options: Partial<Parameters<typeof planTimings>[0]>): string {
  const plan = planTimings({ models: 2, settings: 1, warmup: 0, repetitions: 4, together: true, ...options });
  return plan
    .map(({ model, warmup }) => {
      const letter = 'ABC'[model]!;
      return warmup ? letter.toLowerCase() : letter;
    })
    .join('');
}

test('models that fit together alternate run by run, in reverse every other round', () => {
  assert.equal(written({}), 'ABBAABBA');
  assert.equal(written({ models: 3, repetitions: 2 }), 'ABCCBA');
  assert.equal(written({ warmup: 1, repetitions: 2 }), 'baABBA');
  assert.equal(written({ models: 1, warmup: 2, repetitions: 3 }), 'aaAAA');
});

test('models that do not fit together run in two blocks each, the second in reverse', () => {
  assert.equal(written({ together: false }), 'AABBBBAA');
  assert.equal(written({ together: false, repetitions: 3, warmup: 1 }), 'aAAbBBbBaA');
  assert.equal(written({ together: false, repetitions: 1 }), 'AB');
});

test('every setting gets all its repetitions', () => {
  for (const together of [true, false]) {
    const plan = planTimings({ models: 2, settings: 3, warmup: 1, repetitions: 5, together });
    for (const setting of [0, 1, 2]) {
      for (const model of [0, 1]) {
        const runs = plan.filter((run) => run.model === model && run.setting === setting && !run.warmup);
        assert.equal(runs.length, 5);
      }
    }
  }
});
