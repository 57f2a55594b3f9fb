import assert from 'node:assert/strict';
import test from 'node:test';
import { selectBenchmarks } from '../../src/benchmarks/registry.js';
import { sampleData } from '../../src/evaluation/sample.js';
import { scoreAnswers } from '../../src/evaluation/score-answers.js';

for (const definition of selectBenchmarks('all,extra')) {
  test(`${definition.name}: intervals hold their score, and those in percent end at 0 and 100`, async () => {
    const benchmark = await definition.load(sampleData(definition.name), { protocol: 'llava', images: false });
    const right = benchmark.questions.map(({ index }) => benchmark.gold(index));
    for (const answers of [right, right.map(() => null)]) {
      const { scores, intervals, points } = scoreAnswers(benchmark, answers).metrics;
      for (const [name, { low, high }] of Object.entries(intervals)) {
        const score = scores[name]!;
        assert.ok(low <= score + 1e-9 && score <= high + 1e-9, `${name}: ${score} in [${low}, ${high}]`);
        assert.ok(low >= 0 && (points.includes(name) || high <= 100), `${name}: [${low}, ${high}]`);
      }
    }
  });
}
