import assert from 'node:assert/strict';
import test from 'node:test';
import { compareRuns } from '../../../src/results/reports/compare.js';
import { comparisonTables } from '../../../src/results/reports/comparison-tables.js';
import { comparisonVerdicts } from '../../../src/results/reports/comparison-verdicts.js';
import { bestTexts, publishedLine, reportLayout } from '../../../src/results/reports/report-layout.js';
import { runMarks } from '../../../src/results/reports/run-marks.js';
import type { RunResult } from '../../../src/results/runs/load-run.js';
import { questionScores } from '../../../src/results/runs/question-scores.js';
import { MEAN_PERCENT } from '../../../src/results/statistics/formula.js';
import { identity, runResult } from '../samples.js';

const other = { model: { ...identity.model, name: 'llava-1.5-7b', weightsHash: 'd'.repeat(64) } };
const llava = { protocol: { protocol: 'llava', ocrTokens: true, limit: null } };
const lmms = { protocol: { protocol: 'lmms-eval', ocrTokens: false, limit: null } };

/** Two models in two protocols each. */
const runs = [
  runResult(llava, { accuracy: 60 }),
  runResult(lmms, { accuracy: 90 }),
  runResult({ ...other, ...llava }, { accuracy: 50 }),
  runResult({ ...other, ...lmms }, { accuracy: 80 }),
];

test('what differs between runs of one model is told with each score, and nothing else', () => {
  assert.deepEqual(runMarks(runs), [
    ' (llava, ocrTokens)',
    ' (lmms-eval, no ocrTokens)',
    ' (llava, ocrTokens)',
    ' (lmms-eval, no ocrTokens)',
  ]);
  assert.deepEqual(runMarks([runs[0]!, runs[3]!]), ['', ''], 'notes tell of models that were run in different ways');
  const limited = runResult({ protocol: { ...llava.protocol, limit: 20 }, maxNewTokens: 1 });
  assert.deepEqual(runMarks([runs[0]!, limited]), [' (128 new tokens)', ' (first 20, 1 new token)']);
  const judged = (model: string): RunResult => {
    const run = runResult();
    run.metrics.judge = {
      server: 'https://example.org/v1',
      model,
      runs: 5,
      missing: 0,
      gradedAt: '2024-01-01T00:00:00Z',
    };
    return run;
  };
  assert.deepEqual(runMarks([judged('gpt-4'), judged('gpt-4o')]), [' (judge gpt-4)', ' (judge gpt-4o)']);
});

test('differences say which runs of two models they are between', () => {
  const images = Array.from({ length: 100 }, (_, i) => `image ${i}`);
  const compared = runs.map((run) => {
    const scores = images.map((_, i) => (i < run.metrics.scores['accuracy']! ? 1 : 0));
    const counts = Float64Array.from(scores.flatMap((score) => [score, 1]));
    return {
      run,
      questions: questionScores(scores, images, { accuracy: { width: 2, counts, formula: MEAN_PERCENT } }),
    };
  });
  const comparisons = compareRuns(compared);
  const page = comparisonTables(comparisons);
  assert.match(page, /60\.0 \(llava, ocrTokens\) /);
  assert.match(page, /llava-1\.5-7b.*\(lmms-eval, no ocrTokens\) +-10/);
  assert.ok(comparisonVerdicts(comparisons).some((line) => /^ {2}textvqa \(lmms-eval, no ocrTokens\): -10/.test(line)));
});

test('of a report, only scores like the first run are the best, and published ones stand at their runs', () => {
  const published = (run: RunResult) =>
    run === runs[3]
      ? { score: 46.1, source: { title: 'a', address: 'https://example.org' }, mismatches: [], note: null }
      : null;
  const { scores } = reportLayout(runs, published);
  assert.deepEqual(bestTexts(scores), ['60.0 (llava, ocrTokens)']);
  assert.deepEqual(
    scores.lines.map(({ cells }) => cells[0]!.map(({ comparable }) => comparable)),
    [
      [true, false],
      [true, false],
    ],
  );
  assert.equal(publishedLine(scores.lines[1]!, '-')!.at(-1), '- / 46.1 [1]');
});
