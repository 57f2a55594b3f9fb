import assert from 'node:assert/strict';
import test from 'node:test';
import { comparableGroups } from '../../../src/results/reports/comparable-groups.js';
import { mme, model, textvqa } from './report-samples.js';

test('runs of other models are together; other benchmarks, splits and limits are apart', () => {
  const runs = [
    textvqa({}, 60),
    mme({}, 1500),
    textvqa(model('other', 448), 50),
    textvqa({ protocol: { ocrTokens: true, limit: 10 } }, 70),
    textvqa({ ...model('other'), protocol: { ocrTokens: true, limit: 10 } }, 40),
    textvqa({ split: 'test' }, 30),
  ];
  assert.deepEqual(
    comparableGroups(runs).map(({ title, runs: own }) => [title, own.map((run) => runs.indexOf(run))]),
    [
      ['textvqa val', [0, 2]],
      ['mme test', [1]],
      ['textvqa val (protocol.limit 10)', [3, 4]],
      ['textvqa test', [5]],
    ],
  );
});
