import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BenchmarkOption } from '../../src/benchmarks/benchmark.js';
import { checkOptions, requireOptions } from '../../src/benchmarks/benchmark-options.js';
import {
  BENCHMARKS,
  EVALUABLE,
  EXTRA_BENCHMARKS,
  findBenchmark,
  PAPER_BENCHMARKS,
  selectBenchmarks,
} from '../../src/benchmarks/registry.js';
import { sampleData } from '../../src/evaluation/sample.js';

/** A value of each option, and the benchmarks that it means something for. */
const official = BENCHMARKS.map(({ name }) => name);
const OPTIONS: Record<BenchmarkOption, { values: unknown[]; takenBy: string[] }> = {
  data: { values: ['folder'], takenBy: official },
  split: { values: [undefined], takenBy: official }, // values below: each benchmark has its own
  protocol: { values: ['llava', 'lmms-eval'], takenBy: PAPER_BENCHMARKS.map(({ name }) => name) },
  ocrTokens: { values: [true, false], takenBy: ['textvqa'] },
  judge: { values: ['http://localhost/v1'], takenBy: ['mmvet'] },
  judgeModel: { values: ['gpt-4'], takenBy: ['mmvet'] },
  judgeRuns: { values: [3], takenBy: ['mmvet'] },
  judgeKey: { values: ['KEY'], takenBy: ['mmvet'] },
  judgePrices: { values: [{ input: 1, output: 2 }], takenBy: ['mmvet'] },
  questions: { values: ['own.jsonl'], takenBy: ['custom'] },
  images: { values: ['images'], takenBy: ['custom'] },
  metric: { values: ['exact'], takenBy: ['custom'] },
};

for (const benchmark of EVALUABLE) {
  test(`${benchmark.name} takes its options and refuses all others`, () => {
    for (const [option, { values, takenBy }] of Object.entries(OPTIONS)) {
      for (const value of values) {
        const check = (): void => checkOptions([benchmark], { [option]: value });
        if (value === undefined || takenBy.includes(benchmark.name)) check();
        else assert.throws(check, { name: 'UserError', exitCode: 2, message: /has no meaning for/ }, option);
      }
    }
  });

  test(`${benchmark.name} has its splits and no others`, async () => {
    for (const { name } of benchmark.splits) checkOptions([benchmark], { split: name });
    assert.throws(() => checkOptions([benchmark], { split: 'nonsense' }), {
      name: 'UserError',
      exitCode: 2,
      message: benchmark.splits.length > 0 ? /has no split "nonsense"\. Available: / : /--split has no meaning/,
    });
    if (benchmark.splits.length === 0) return;
    const options = { split: 'nonsense', protocol: 'llava', images: false } as const;
    await assert.rejects(benchmark.load(sampleData(benchmark.name), options), { exitCode: 2, message: /no split/ });
  });
}

test('all are the benchmarks of the paper, extra the later ones', () => {
  const named = (names: string) => selectBenchmarks(names).map(({ name }) => name);
  assert.deepEqual(selectBenchmarks('all'), PAPER_BENCHMARKS);
  assert.equal(PAPER_BENCHMARKS.length, 11);
  assert.deepEqual(selectBenchmarks('Extra'), EXTRA_BENCHMARKS);
  assert.deepEqual(named('gqa,extra'), ['gqa', ...EXTRA_BENCHMARKS.map(({ name }) => name)]);
  assert.equal(findBenchmark('HR-Bench 4K').name, 'hrbench-4k');
});

test('an error names the option as it is typed, and who takes it', () => {
  assert.throws(() => checkOptions([findBenchmark('pope')], { ocrTokens: false }), {
    message: '--no-ocr-tokens has no meaning for pope. It is an option of: textvqa.',
  });
  assert.throws(() => checkOptions(selectBenchmarks('gqa,mme'), { judgeRuns: 1 }), {
    message: '--judge-runs has no meaning for gqa, mme. It is an option of: mmvet.',
  });
});

test('of several benchmarks one must take an option, and all must have a split', () => {
  checkOptions(selectBenchmarks('all'), { ocrTokens: true, judge: 'http://localhost/v1', judgeModel: 'gpt-4' });
  checkOptions(selectBenchmarks('vqav2,vizwiz'), { split: 'val' });
  assert.throws(() => checkOptions(selectBenchmarks('vqav2,gqa'), { split: 'val' }), { message: /gqa has no split/ });
});

test('custom needs questions and a metric', () => {
  const custom = findBenchmark('custom', EVALUABLE);
  const all = { questions: 'own.jsonl', metric: 'exact' };
  requireOptions(custom, all);
  for (const option of Object.keys(all)) {
    assert.throws(() => requireOptions(custom, { ...all, [option]: undefined }), {
      exitCode: 2,
      message: 'custom needs --questions and --metric.',
    });
  }
  requireOptions(findBenchmark('textvqa'), {});
});
