import assert from 'node:assert/strict';
import test from 'node:test';
import { compareRuns, type QuestionScores } from '../../src/results/compare.js';
import { comparisonTables } from '../../src/results/comparison-tables.js';
import { identity, runResult, session } from './samples.js';

const smaller = { model: { ...identity.model, resolution: 384 } };

test('runs of one benchmark are compared with the first', () => {
  const runs = [
    runResult(),
    runResult(smaller, { accuracy: 60.5 }),
    runResult({ device: 'cuda' }, { accuracy: 67.25 }),
  ];
  const [comparison, ...others] = compareRuns(runs);
  assert.deepEqual(others, []);
  assert.deepEqual(comparison!.notes, []);
  assert.deepEqual(
    comparison!.rows.map(({ score, difference }) => [score, difference?.points]),
    [
      [67, undefined],
      [60.5, -6.5],
      [67.25, 0.25],
    ],
  );
});

for (const [field, change] of [
  ['split is test, not val', { split: 'test' }],
  ['protocol.limit is 100, not none', { protocol: { ocrTokens: true, limit: 100 } }],
  ['protocol.ocrTokens is false, not true', { protocol: { ocrTokens: false, limit: null } }],
  ['maxNewTokens is 16, not 128', { maxNewTokens: 16 }],
  [
    `dataFiles.questions.jsonl is ${'0'.repeat(64)}`,
    { dataFiles: { ...identity.dataFiles, 'questions.jsonl': '0'.repeat(64) } },
  ],
] as const) {
  test(`not compared, but named: ${field}`, () => {
    const [comparison] = compareRuns([runResult(), runResult({ ...smaller, ...change }, { accuracy: 60 })]);
    const { score, difference } = comparison!.rows[1]!;
    assert.equal(score, 60);
    assert.equal(difference, null);
    assert.equal(comparison!.notes.length, 1);
    const text = comparison!.notes[0]!;
    assert.ok(text.startsWith('llava-hr-7b at 384 px (fp32, cpu) is not comparable with llava-hr-7b at 1024 px'), text);
    assert.ok(text.includes(field), text);
  });
}

test('each benchmark is compared by itself', () => {
  const comparisons = compareRuns([
    runResult(),
    runResult({ benchmark: 'mme', split: 'test' }, { 'total score': 1500, accuracy: 80 }),
    runResult(smaller, { accuracy: 60 }),
  ]);
  assert.deepEqual(
    comparisons.map(({ benchmark, headline, rows }) => [benchmark, headline, rows.length]),
    [
      ['textvqa', 'accuracy', 2],
      ['mme', 'total score', 1],
    ],
  );
  const [overview] = comparisonTables(comparisons).split('\n\n');
  assert.deepEqual(overview!.split('\n'), [
    'model        size (px)  precision  device  textvqa accuracy  mme total score',
    '----------------------------------------------------------------------------',
    'llava-hr-7b       1024  fp32       cpu                67.00          1500.00',
    'llava-hr-7b        384  fp32       cpu                60.00                -',
  ]);
});

/** 200 questions on 50 images, of which `right` are answered. */
function questions(right: number): QuestionScores {
  return {
    scores: Array.from({ length: 200 }, (_, i) => ((i * 37) % 200 < right ? 1 : 0)),
    clusters: Array.from({ length: 200 }, (_, i) => `image ${Math.floor(i / 4)}`),
  };
}

test('with scores per question come intervals, in percent', () => {
  const runs = [runResult({}, { accuracy: 50 }), runResult(smaller, { accuracy: 40 })];
  const [comparison] = compareRuns(runs, [questions(100), questions(80)]);
  const [first, second] = comparison!.rows;
  assert.equal(first!.interval!.mean, 50);
  assert.ok(first!.interval!.low > 35 && first!.interval!.low < 50 && first!.interval!.high > 50);
  const { points, interval } = second!.difference!;
  assert.equal(points, -10);
  assert.ok(interval!.low < -10 && interval!.high > -10 && interval!.high < 0, JSON.stringify(interval));
  assert.match(comparisonTables([comparison!]), /40\.00 \[\d+\.\d\d, \d+\.\d\d\] +-10\.00 \[-\d+\.\d\d, -\d+\.\d\d\]/);
});

test('a score that is not the mean over the questions gets no interval of it', () => {
  const runs = [runResult({}, { f1: 66.7 }), runResult(smaller, { f1: 60 })];
  const [comparison] = compareRuns(runs, [questions(100), questions(80)]);
  assert.deepEqual(
    comparison!.rows.map((row) => row.interval ?? row.difference?.interval),
    [undefined, null],
  );
  assert.deepEqual(comparison!.notes, ['f1 is not the mean over the questions: no interval for it.']);
});

test('times of different machines come with a warning', () => {
  const other = runResult(smaller);
  const elsewhere = { ...session, host: { ...session.host, cpu: 'Other CPU' } };
  other.record.sessions = [elsewhere];
  assert.deepEqual(compareRuns([runResult(), other])[0]!.notes, [
    'llava-hr-7b at 384 px (fp32, cpu) was measured on Other CPU, 2 cores, llava-hr-7b at 1024 px (fp32, cpu) on Some CPU, 2 cores: do not compare their times.',
  ]);
  other.record.sessions = [session, elsewhere];
  assert.match(
    compareRuns([runResult(), other])[0]!.notes.join(),
    /was measured on several machines: Some CPU, 2 cores; Other CPU/,
  );
});

test('the whole page for a terminal', () => {
  const fast = runResult(smaller, { accuracy: 60.5 });
  const stage = (p50: number) => ({ n: 30, p50, p95: 2 * p50, mean: p50 });
  fast.metrics.failed = 3;
  fast.latency = {
    ...fast.latency,
    visualTokensPerImage: 144,
    questionsPerBatch: 8,
    stages: {
      decodeImageMsPerImage: stage(4),
      visionMsPerImage: stage(123.45),
      prefillMsPerQuestion: stage(67.5),
      decodeMsPerToken: stage(8.25),
    },
    tokensPerSecond: { generate: 50, model: 30.26, endToEnd: 20 },
    questionsPerSecond: 3.125,
  };
  const incomparable = runResult({ ...smaller, protocol: { ocrTokens: true, limit: 10 } }, { accuracy: 50 });
  assert.deepEqual(comparisonTables(compareRuns([runResult(), fast, incomparable])).split('\n'), [
    'textvqa: accuracy',
    'model        size (px)  visual tokens  precision  device  accuracy  difference to the first  questions  failed',
    '--------------------------------------------------------------------------------------------------------------',
    'llava-hr-7b       1024              -  fp32       cpu        67.00                        -       5000       0',
    'llava-hr-7b        384            144  fp32       cpu        60.50                    -6.50       5000       3',
    'llava-hr-7b        384              -  fp32       cpu        50.00                        -       5000       0',
    '',
    'Speed: median ms to decode an image, and of vision per image, prefill per question and decoding per token;',
    'tokens/s of vision and language model together; questions/s end to end; batch is questions per batch',
    'model        size (px)  visual tokens  precision  device  image (ms)  vision (ms)  prefill (ms)  token (ms)  tokens/s  questions/s  batch  memory (GiB)',
    '-'.repeat(151),
    'llava-hr-7b       1024              -  fp32       cpu              -            -             -           -         -            -      -           3.0',
    'llava-hr-7b        384            144  fp32       cpu            4.0        123.5          67.5         8.3      30.3         3.13    8.0           3.0',
    'llava-hr-7b        384              -  fp32       cpu              -            -             -           -         -            -      -           3.0',
    '',
    'Note: llava-hr-7b at 384 px (fp32, cpu) is not comparable with llava-hr-7b at 1024 px (fp32, cpu): protocol.limit is 10, not none.',
  ]);
});
