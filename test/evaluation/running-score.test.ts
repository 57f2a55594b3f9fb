import assert from 'node:assert/strict';
import test from 'node:test';
import { BENCHMARKS } from '../../src/benchmarks/registry.js';
import { restrictToRows } from '../../src/benchmarks/shared/restrict-to-rows.js';
import { runningScore } from '../../src/evaluation/running-score.js';
import { sampleData } from '../../src/evaluation/sample.js';
import { smallBenchmark } from '../benchmarks/small-benchmark.js';

for (const definition of BENCHMARKS) {
  test(`${definition.name}: with all answers the running score is the reported one`, async () => {
    const benchmark = await definition.load(sampleData(definition.name), { protocol: 'llava', images: false });
    let clock = 0;
    const running = runningScore(benchmark, () => clock++);
    const answers = benchmark.questions.map(({ index }) => (index % 3 === 0 ? 'yes' : (benchmark.gold(index) ?? 'A')));
    const reported = benchmark.score(answers);
    for (const [index, answer] of answers.entries()) {
      running.add(index, answer);
      clock += 1000;
      const score = running.current();
      if (reported === null) assert.equal(score, null);
      else assert.ok(score !== null && Number.isFinite(score.value) && score.name in reported.scores, `after ${index}`);
    }
    if (reported === null) return;
    const headline = reported.headline!;
    const unit = reported.points?.includes(headline) ? 'points' : 'percent';
    assert.deepEqual(running.current(), { name: headline, value: reported.scores[headline], unit });
  });
}

test('of a part of the questions, those not answered yet do not count as wrong, and no others are scored', () => {
  const small = smallBenchmark('small', [{}, {}, {}, {}, {}]);
  const scored: (readonly number[] | undefined)[] = [];
  const counted = {
    ...small,
    score: (...given: Parameters<typeof small.score>) => {
      scored.push(given[1]);
      return small.score(...given);
    },
  };
  const restricted = restrictToRows(counted, [1, 3, 4]);
  let clock = 0;
  const running = runningScore(restricted, () => clock);
  running.add(2, 'yes');
  assert.equal(running.current()?.value, 100);
  running.add(0, 'no');
  clock = 1000;
  assert.equal(running.current()?.value, 50);
  assert.deepEqual(scored, [[4], [1, 4]]);
  const part = restricted.score(['no', null, 'yes'], [2, 0])!;
  assert.deepEqual([part.n, part.failed, part.perQuestion], [2, 0, [1, 0]]);
});

test('scoring again waits until it takes one hundredth of the time', () => {
  let clock = 0;
  let scorings = 0;
  const small = smallBenchmark('small', [{}, {}, {}]);
  const slow = {
    ...small,
    score: (...given: Parameters<typeof small.score>) => {
      scorings++;
      clock += 2000;
      return small.score(...given);
    },
  };
  const running = runningScore(slow, () => clock);
  assert.equal(running.current(), null);
  running.add(0, 'yes');
  assert.equal(running.current()?.value, 100);
  running.add(1, 'no');
  clock = 201_999;
  assert.equal(running.current()?.value, 100);
  clock = 202_000;
  assert.equal(running.current()?.value, 50);
  clock = 1e9;
  running.current();
  assert.equal(scorings, 2);
});
