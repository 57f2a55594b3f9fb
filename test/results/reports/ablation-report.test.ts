import assert from 'node:assert/strict';
import test from 'node:test';
import { ablationFiles, ablationText } from '../../../src/results/reports/ablation-report.js';
import type { AblationRow, AblationSpeed } from '../../../src/results/reports/ablation-table.js';
import { modelMs, summarizeTimedRuns } from '../../../src/results/reports/timed-runs.js';
import { identity } from '../samples.js';
import { textvqa } from './report-samples.js';

function row(changes: Partial<AblationRow>): AblationRow {
  return {
    model: 'llava-hr-7b',
    resolution: { high: 1024, low: 448 },
    visualTokens: 1024,
    precision: 'fp32',
    device: 'cpu',
    trainedResolution: 1024,
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

test('an ablation over a part of the questions, or with failed ones, says so', () => {
  const run = textvqa({ protocol: { ...identity.protocol, limit: 20 } }, 60);
  run.metrics = { ...run.metrics, n: 20, failed: 3, counts: { accuracy: 12 } };
  const rows = [row({ runs: [run] })];
  const files = ablationFiles(rows, rows[0]!);
  assert.match(files['ablation.md']!, /\n\ntextvqa: only the first 20 questions\./);
  assert.match(files['ablation.tex']!, /\\caption\{.* textvqa: only the first 20 questions\./);
  assert.match(files['ablation.svg']!, /textvqa val accuracy \(%\) \(first 20\)/);
  assert.match(
    files['ablation.md']!,
    /llava-hr-7b at 1024 px: 3 of 20 questions of textvqa failed and count as wrong\./,
  );
  const [titles, line] = files['ablation.csv']!.split('\n').map((text) => text.split(/,(?=(?:[^"]*"[^"]*")*[^"]*$)/));
  const cells = Object.fromEntries(titles!.map((title, i) => [title, line![i]]));
  assert.deepEqual([cells['n'], cells['failed']], ['12', '3']);
  assert.match(cells['protocol']!, /limit/);
});

/** Ten repetitions around a time, with a spread of a few percent. */
function speed(ms: number): AblationSpeed {
  const runs = Array.from({ length: 10 }, (_, i) => ms * (1 + ((i * 7) % 10) / 100));
  const setting = { batchSize: 1, promptTokens: 49, newTokens: 10 };
  const timed = runs.map((visionMs) => ({ decodeImageMs: 1, visionMs, prefillMs: ms, generateMs: 2 * ms }));
  const { stages, throughput, intervals } = summarizeTimedRuns(timed, setting);
  return {
    timeToFirstTokenMs: stages.firstToken.p50!,
    timeToFirstTokenInterval: intervals.firstToken,
    tokensPerSecond: throughput.tokensPerSecond!,
    tokensPerSecondInterval: intervals.tokensPerSecond,
    peakMemoryBytes: 1e9,
    modelMs: timed.map(modelMs),
  };
}

test('speeds have intervals in the table, the CSV and the plot, and equal ones are named', () => {
  const rows = [
    row({ resolution: { high: 384, low: 168 }, speed: speed(10) }),
    row({ resolution: { high: 448, low: 224 }, speed: speed(10.02) }),
    row({ resolution: { high: 1024, low: 448 }, speed: speed(30) }),
  ];
  const text = ablationText(rows, rows[2]!);
  const [, ratio, low, high] = / 384 \+ 168 .* (\d\.\d\d) \[(\d\.\d\d), (\d\.\d\d)\]/.exec(text)!.map(Number);
  assert.ok(low! < ratio! && ratio! < high! && ratio! > 2.9 && ratio! < 3.1, text);
  assert.match(text, / 1024 \+ 448 .* 1\.00 +1\.0$/m, 'the reference is compared with nothing');
  assert.match(
    text,
    /llava-hr-7b at 384 and 448 px: no difference in speed beyond the noise \(ratio \[0\.\d\d, 1\.\d\d\]\)/,
  );
  assert.doesNotMatch(text, /448 and 1024 px/);
  const files = ablationFiles(rows, rows[2]!);
  assert.match(files['ablation.csv']!, /,tokens_per_second,tokens_per_s,(\d+\.\d+),(\d+\.\d+),(\d+\.\d+),/);
  assert.match(files['ablation.csv']!, /,time_to_first_token,ms,[\d.]+,[\d.]+,[\d.]+,/);
  const {
    rows: [first],
  } = JSON.parse(files['ablation.json']!);
  assert.ok(first.speed.tokensPerSecondInterval.low < first.speed.tokensPerSecond);
  const withoutIntervals = rows.map((each) => ({
    ...each,
    speed: { ...each.speed!, timeToFirstTokenInterval: null },
  }));
  const lines = (of: readonly AblationRow[]): number =>
    ablationFiles(of, of[2]!)['ablation.svg']!.split('<line').length;
  assert.equal(lines(rows) - lines(withoutIntervals), 3, 'an error bar for each speed');
});

test('an ablation without scores has speeds only, and no remark on training sizes', () => {
  const rows = [
    row({ resolution: { high: 384, low: 168 }, isTrainedSize: false, runs: [], speed: speed(10) }),
    row({ runs: [], speed: speed(30) }),
  ];
  const files = ablationFiles(rows, rows[1]!);
  assert.match(files['ablation.md']!, /^\| llava-hr-7b \| 384 \+ 168 +\|/m);
  assert.doesNotMatch(files['ablation.md']!, /trained|accuracy/);
  assert.match(files['ablation.tex']!, /\\caption\{Speed by input resolution\./);
  assert.doesNotMatch(files['ablation.csv']!, /percent/);
});
