import assert from 'node:assert/strict';
import test from 'node:test';
import { runOverview, runSummary } from '../../../src/results/reports/run-summary.js';
import { runResult } from '../samples.js';

test('text from a run folder cannot control the terminal', () => {
  const run = runResult();
  run.record.identity.model.name = 'model\u001b[2J';
  run.record.identity.device = '\u0000';
  run.metrics.notes = ['note\u009b2J'];
  for (const text of [runSummary(run), runOverview([run, run])]) {
    assert.match(text, /model\\u001b\[2J at 1024 px/);
    assert.match(text, /^Note: .*note\\u009b2J$/m);
    assert.doesNotMatch(text, /[^\P{Cc}\n]/u);
  }
});

test('energy and power have rows where they were measured', () => {
  const run = runResult();
  assert.doesNotMatch(runSummary(run), /energy|power/);
  run.latency = {
    ...run.latency,
    energy: { gpu: { joulesPerQuestion: 41.25, watts: 301 }, cpu: { joulesPerQuestion: 9.5, watts: 70 } },
  };
  assert.match(
    runSummary(run),
    /^energy \(J per question\) +GPU 41\.3, CPU 9\.5\npower \(W\) +GPU 301\.0, CPU 70\.0$/m,
  );
  run.latency.energy = { gpu: null, cpu: { joulesPerQuestion: 9.5, watts: 70 } };
  assert.match(runSummary(run), /^energy \(J per question\) +CPU 9\.5$/m);
});

test('one batch is too short to time', () => {
  assert.match(runSummary(runResult()), /^speed +too short to time$/m);
});
