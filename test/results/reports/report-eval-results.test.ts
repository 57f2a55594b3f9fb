import assert from 'node:assert/strict';
import test from 'node:test';
import { parse } from 'yaml';
import { evalResultsReport } from '../../../src/results/reports/report-eval-results.js';
import { runResult } from '../samples.js';

test("main scores become entries as the hub's documentation wants them", () => {
  const run = runResult({}, { accuracy: 67.123456 });
  run.metrics.intervals = { accuracy: { low: 65.8, high: 68.4 } };
  const unscored = runResult({ benchmark: 'mmvet' });
  unscored.metrics.headline = null;
  const own = runResult({ benchmark: 'my-task' });
  const text = evalResultsReport([run, unscored, own], () => 5000);
  assert.match(text, /^# Put this file into the folder \.eval_results/);
  assert.deepEqual(parse(text), [
    {
      dataset: { id: 'lmms-lab-encoder/textvqa', task_id: 'default' },
      value: 67.123456,
      date: '2026-01-02T04:04:05.678Z',
      notes:
        'accuracy on val, 95 % interval [65.8, 68.4]; 5000 questions; llava-hr-7b at 1024 px, fp32 on cpu; ocrTokens true; ' +
        'llavahr 0.1.0',
    },
  ]);
});

test('several models, parts of benchmarks and runs without a dataset on the hub are refused', () => {
  const other = runResult({ device: 'cuda' });
  const part = runResult({ protocol: { limit: 10 } });
  const own = runResult({ benchmark: 'my-task' });
  for (const [runs, message] of [
    [[runResult(), other], /for one model's repository; .* on cpu; .* on cuda/],
    [[part], /some-run is over the first 10 questions, which/],
    [[own], /None of the runs has a score on a dataset/],
  ] as const) {
    assert.throws(() => evalResultsReport(runs, () => 5000), { exitCode: 2, message });
  }
  assert.throws(() => evalResultsReport([runResult()], () => 5001), {
    exitCode: 2,
    message: /some-run is over 5000 questions, but its split has 5001/,
  });
});
