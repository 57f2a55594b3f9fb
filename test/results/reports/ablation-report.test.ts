import assert from 'node:assert/strict';
import test from 'node:test';
import { ablationFiles } from '../../../src/results/reports/ablation-report.js';
import type { AblationRow } from '../../../src/results/reports/ablation-table.js';
import { textvqa } from './report-samples.js';

function row(changes: Partial<AblationRow>): AblationRow {
  return {
    model: 'llava-hr-7b',
    resolution: { high: 1024, low: 448 },
    visualTokens: 1024,
    precision: 'fp32',
    device: 'cpu',
    isTrainedSize: true,
    runs: [textvqa({}, 60)],
    speed: null,
    ...changes,
  };
}

test('quantised rows of an ablation are marked in Markdown and LaTeX, with a footnote', () => {
  const rows = [row({}), row({ precision: 'int8', resolution: { high: 768, low: 336 }, isTrainedSize: false })];
  const files = ablationFiles(rows, rows[0]!);
  assert.match(files['ablation.md']!, /^\| llava-hr-7b \| 768 \+ 336 \\\* \| int8 \(quantised\) +\|/m);
  assert.match(
    files['ablation.md']!,
    /\n\n\\\* The checkpoint was not trained at this size.*\n\nquantised: .* 8-bit weights/,
  );
  assert.match(files['ablation.tex']!, / {4}llava-hr-7b & 768 \+ 336 \{\*\} & int8 \(quantised\) & /);
  assert.match(
    files['ablation.tex']!,
    /\\caption\{.* \{\*\} The checkpoint was not trained at this size.* quantised: .* 8-bit weights/,
  );
});

test('an ablation without quantised rows says nothing about precision', () => {
  const files = ablationFiles([row({})], row({}));
  assert.doesNotMatch(files['ablation.md']! + files['ablation.tex']!, /precision|quantised/);
});
