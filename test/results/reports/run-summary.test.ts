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
