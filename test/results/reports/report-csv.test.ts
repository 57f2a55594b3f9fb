import assert from 'node:assert/strict';
import test from 'node:test';
import { parse } from 'csv-parse/sync';
import { csvReport } from '../../../src/results/reports/report-csv.js';
import type { RunResult } from '../../../src/results/runs/load-run.js';
import { HOSTILE, mme, model, publishedMme, textvqa, unscored } from './report-samples.js';

/** The report as another library reads it. It refuses rows of unequal length and quotes out of place. */
function readBack(runs: RunResult[]): Record<string, string>[] {
  return parse(csvReport(runs), { columns: true, record_delimiter: '\r\n' });
}

test('a row per run and metric, breakdowns and speed included, in full precision', () => {
  const rows = readBack([textvqa({}, 200 / 3), mme(model('other', 448), 1500.5)]);
  assert.deepEqual(rows[0], {
    run: 'some-run',
    model: 'llava-hr-7b',
    family: 'llava-hr',
    resolution: '1024',
    trained_resolution: '',
    low_resolution: '',
    visual_tokens: '',
    precision: 'fp32',
    device: 'cpu',
    benchmark: 'textvqa',
    split: 'val',
    protocol: '{"ocrTokens":true,"limit":null}',
    metric: 'accuracy',
    unit: 'percent',
    value: '66.66666666666667',
    low: '65.66666666666667',
    high: '67.66666666666667',
    n: '5000',
    failed: '0',
    published: '',
    published_source: '',
    baseline: '',
    difference: '',
    difference_low: '',
    difference_high: '',
    p: '',
    p_holm: '',
    only_baseline: '',
    only_this: '',
    p_mcnemar: '',
    batch_size: '',
    prompt_tokens: '',
    new_tokens: '',
    repetition: '',
  });
  assert.deepEqual(
    rows
      .slice(14)
      .map(({ model, benchmark, metric, unit, value, low }) => [model, benchmark, metric, unit, value, low]),
    [
      ['other', 'mme', 'total score', 'points', '1500.5', ''],
      ['other', 'mme', 'accuracy', 'percent', '80', ''],
      ['other', 'mme', 'perception/color', 'points', '0.6666666666666666', ''],
      ['other', 'mme', 'decode_image_median_per_image', 'ms', '', ''],
      ['other', 'mme', 'decode_image_p95_per_image', 'ms', '', ''],
      ['other', 'mme', 'vision_median_per_image', 'ms', '12.345678901234567', ''],
      ['other', 'mme', 'vision_p95_per_image', 'ms', '20', ''],
      ['other', 'mme', 'prefill_median_per_question', 'ms', '', ''],
      ['other', 'mme', 'prefill_p95_per_question', 'ms', '', ''],
      ['other', 'mme', 'decode_median_per_token', 'ms', '', ''],
      ['other', 'mme', 'decode_p95_per_token', 'ms', '', ''],
      ['other', 'mme', 'first_token_median_per_batch', 'ms', '', ''],
      ['other', 'mme', 'first_token_p95_per_batch', 'ms', '', ''],
      ['other', 'mme', 'tokens_per_second', 'tokens_per_s', '30.25', ''],
      ['other', 'mme', 'questions_per_second', 'questions_per_s', '3.125', ''],
      ['other', 'mme', 'peak_memory', 'bytes', '3221225472', ''],
    ],
  );
});

test('a published number appears only next to the main score it can be compared with', () => {
  const rows = parse(csvReport([mme({}, 1500), textvqa({}, 60)], publishedMme), { columns: true });
  const published = (rows as Record<string, string>[]).map(({ metric, published, published_source }) => [
    metric,
    published,
    published_source,
  ]);
  assert.deepEqual(published[0], ['total score', '1554', 'https://example.org/paper']);
  assert.ok(published.slice(1).every(([, score, source]) => score === '' && source === ''));
});

test("n counts the questions of the score, or of the category for a category's score", () => {
  const run = mme({}, 1500);
  run.metrics.counts = { accuracy: 2374, 'perception/color': 60 };
  const counts = readBack([run]).map(({ metric, n }) => [metric, n]);
  assert.deepEqual(counts.slice(0, 3), [
    ['total score', '5000'],
    ['accuracy', '2374'],
    ['perception/color', '60'],
  ]);
});

test('records end in CR LF, the last one too', () => {
  const text = csvReport([textvqa({}, 50)]);
  assert.ok(text.endsWith('\r\n'));
  assert.equal(text.replaceAll('\r\n', '').match(/[\r\n]/), null);
  assert.equal(text.split('\r\n').length, 1 + 14 + 1);
});

test('text is never read as a formula, and negative numbers stay numbers', () => {
  for (const name of ['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', HOSTILE]) {
    const rows = readBack([textvqa({ ...model(name), device: name }, -1.5)]);
    assert.equal(rows.length, 14);
    assert.equal(rows[0]!['model'], `'${name}`);
    assert.equal(rows[0]!['device'], `'${name}`);
    assert.equal(rows[0]!['value'], '-1.5');
  }
});

test('names with quotes, delimiters and all kinds of line ends are read back unchanged', () => {
  for (const name of ['a,b', 'a"b', 'a\nb', 'a\rb', 'a\r\nb', '"', 'é 模型']) {
    assert.equal(readBack([textvqa(model(name), 50)])[0]!['model'], name);
    assert.doesNotMatch(csvReport([textvqa(model(name), 50)]), /,a[\r\n]b,/, 'line ends are quoted');
  }
});

test('a run without scores still has its speed', () => {
  assert.deepEqual(
    readBack([unscored({})]).map(({ metric }) => metric),
    readBack([textvqa({}, 50)])
      .slice(1)
      .map(({ metric }) => metric),
  );
});
