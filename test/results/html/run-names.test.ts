import assert from 'node:assert/strict';
import test from 'node:test';
import { runNames } from '../../../src/results/html/run-names.js';
import { reportLayout } from '../../../src/results/reports/report-layout.js';
import type { RunResult } from '../../../src/results/runs/load-run.js';
import { mme, model, textvqa } from '../reports/report-samples.js';

function labels(runs: RunResult[]): string[] {
  const names = runNames(reportLayout(runs));
  return runs.map(names.label);
}

test('each model has the same letter on every benchmark; the size is in its name but not in the series', () => {
  const runs = [textvqa(model('hr', 384), 50), textvqa(model('hr', 1024), 60), mme(model('hr', 384), 1500)];
  assert.deepEqual(labels(runs), ['A hr at 384 px', 'B hr at 1024 px', 'A hr at 384 px']);
  assert.equal(runNames(reportLayout(runs)).series(runs[0]!), 'hr');
});

test('names contain what distinguishes the models, even without the size', () => {
  const fp16 = textvqa({ model: { ...model('hr').model, precision: 'fp16' } }, 50);
  const onGpu = textvqa({ ...model('hr'), device: 'cuda:0' }, 50);
  assert.deepEqual(labels([fp16]), ['A hr at 1024 px']);
  assert.deepEqual(labels([fp16, onGpu]), ['A hr at 1024 px, fp16, cpu', 'B hr at 1024 px, fp32, cuda:0']);
  assert.equal(runNames(reportLayout([fp16, onGpu])).series(onGpu), 'hr, fp32, cuda:0');
});

test('two letters are used after Z', () => {
  const runs = Array.from({ length: 28 }, (_, i) => textvqa(model(`m${i}`), 50));
  assert.deepEqual(labels(runs).slice(-3), ['Z m25 at 1024 px', 'AA m26 at 1024 px', 'AB m27 at 1024 px']);
});
