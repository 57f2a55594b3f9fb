import assert from 'node:assert/strict';
import test from 'node:test';
import { runNames } from '../../../src/results/html/run-names.js';
import type { RunResult } from '../../../src/results/load-run.js';
import { reportLayout } from '../../../src/results/report-layout.js';
import { mme, model, textvqa } from '../report-samples.js';

function labels(runs: RunResult[]): string[] {
  const names = runNames(reportLayout(runs));
  return runs.map(names.label);
}

test('a letter per model, the same on every benchmark; the size is in the name, and left out of the series', () => {
  const runs = [textvqa(model('hr', 384), 50), textvqa(model('hr', 1024), 60), mme(model('hr', 384), 1500)];
  assert.deepEqual(labels(runs), ['A hr 384 px', 'B hr 1024 px', 'A hr 384 px']);
  assert.equal(runNames(reportLayout(runs)).series(runs[0]!), 'hr');
});

test('precision and device are named where there are several; quantised is always said', () => {
  const fp16 = textvqa({ model: { ...model('hr').model, precision: 'fp16' } }, 50);
  const onGpu = textvqa({ ...model('hr'), device: 'cuda:0' }, 50);
  const int8 = textvqa({ model: { ...model('hr').model, precision: 'int8' } }, 50);
  assert.deepEqual(labels([fp16]), ['A hr 1024 px']);
  assert.deepEqual(labels([fp16, onGpu]), ['A hr 1024 px fp16 cpu', 'B hr 1024 px fp32 cuda:0']);
  assert.deepEqual(labels([int8]), ['A hr 1024 px int8 (quantised)']);
});

test('after Z come two letters', () => {
  const runs = Array.from({ length: 28 }, (_, i) => textvqa(model(`m${i}`), 50));
  assert.deepEqual(labels(runs).slice(-3), ['Z m25 1024 px', 'AA m26 1024 px', 'AB m27 1024 px']);
});
