import assert from 'node:assert/strict';
import test from 'node:test';
import { type ComparedRun, compareRuns, type PublishedReference } from '../../../src/results/reports/compare.js';
import { comparisonTables } from '../../../src/results/reports/comparison-tables.js';
import { comparisonVerdicts } from '../../../src/results/reports/comparison-verdicts.js';
import type { RunResult } from '../../../src/results/runs/load-run.js';
import { type QuestionScores, questionScores } from '../../../src/results/runs/question-scores.js';
import { modelKey } from '../../../src/results/runs/run-names.js';
import { evaluateFormula, MEAN_PERCENT, percentOf } from '../../../src/results/statistics/formula.js';
import { identity, runResult, session } from '../samples.js';
import { HOSTILE } from './report-samples.js';

const smaller = { model: { ...identity.model, resolution: 384 } };
const tiny = { model: { ...identity.model, name: 'llava-1.5-7b', resolution: 336, weightsHash: 'd'.repeat(64) } };

const entries = (...runs: RunResult[]): ComparedRun[] => runs.map((run) => ({ run }));

/** A run of 200 questions on 50 images, of which every other one plus `more` are answered right. */
function answered(changes: Parameters<typeof runResult>[0], more: number): ComparedRun {
  const right = Array.from({ length: 200 }, (_, i) => (i % 2 === 0 || i < 2 * more ? 1 : 0));
  const images = right.map((_, i) => `image ${Math.floor(i / 4)}`);
  const counts = Float64Array.from(right.flatMap((score) => [score, 1]));
  const questions = questionScores(right, images, { accuracy: { width: 2, counts, formula: MEAN_PERCENT } });
  const run = runResult(changes, { accuracy: right.reduce<number>((a, b) => a + b, 0) / 2 });
  run.metrics.n = 200;
  return { run, questions };
}

test('runs of one benchmark are compared with the first', () => {
  const runs = [
    runResult(),
    runResult(smaller, { accuracy: 60.5 }),
    runResult({ device: 'cuda' }, { accuracy: 67.25 }),
  ];
  const [comparison, ...others] = compareRuns(entries(...runs));
  assert.deepEqual(others, []);
  assert.deepEqual(comparison!.notes, []);
  assert.deepEqual(
    comparison!.rows.map(({ label, score, isBaseline, difference }) => [
      label,
      score,
      isBaseline,
      difference && [difference.points, difference.interval],
    ]),
    [
      ['llava-hr-7b at 1024 px, cpu', 67, true, null],
      ['llava-hr-7b at 384 px, cpu', 60.5, false, [-6.5, null]],
      ['llava-hr-7b at 1024 px, cuda', 67.25, false, [0.25, null]],
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
  test(`not compared, with the reason: ${field}`, () => {
    const runs = entries(runResult(), runResult({ ...smaller, ...change }, { accuracy: 60 }));
    const comparisons = compareRuns(runs);
    const { score, difference } = comparisons[0]!.rows[1]!;
    assert.equal(score, 60);
    assert.equal(difference, null);
    assert.equal(comparisons[0]!.notes.length, 1);
    const text = comparisons[0]!.notes[0]!;
    assert.match(text, /^llava-hr-7b at 384 px( \(first 100\))? is not comparable with llava-hr-7b at 1024 px: /);
    assert.ok(text.includes(field), text);
    const page = comparisonTables(comparisons);
    assert.match(page, /at 384 px +60\.0(?: \(first 100\))?\* /);
    assert.match(page, /^\* not comparable with the baseline, see the notes$/m);
    assert.doesNotMatch(page, /Differences|better|worse/);
  });
}

test('a run is compared with the baseline run on the same questions', () => {
  const limit = { protocol: { ocrTokens: true, limit: 10 } };
  const runs = entries(
    runResult({}, { accuracy: 50 }),
    runResult(limit, { accuracy: 40 }),
    runResult(smaller, { accuracy: 55 }),
    runResult({ ...smaller, ...limit }, { accuracy: 41 }),
  );
  const [{ rows, notes }] = compareRuns(runs) as [ReturnType<typeof compareRuns>[number]];
  assert.deepEqual(
    rows.map(({ isBaseline, difference }) => [isBaseline, difference?.points ?? null]),
    [
      [true, null],
      [true, null],
      [false, 5],
      [false, 1],
    ],
  );
  assert.deepEqual(notes, []);
});

test('a run of other questions of the baseline model is marked, unless another model was asked them', () => {
  const limit = { protocol: { ocrTokens: true, limit: 10 } };
  const comparisons = compareRuns(entries(runResult({}, { accuracy: 50 }), runResult(limit, { accuracy: 40 })));
  const [{ rows, notes }] = comparisons as [ReturnType<typeof compareRuns>[number]];
  assert.deepEqual(
    rows.map(({ isBaseline }) => isBaseline),
    [true, false],
  );
  assert.equal(notes.length, 1);
  assert.match(notes[0]!, / px \(first 10\) is not comparable with .* px: protocol\.limit is 10, not none\.$/);
  assert.match(comparisonTables(comparisons), /40\S* \(first 10\)\*/);
});

test('each benchmark is compared separately, with one baseline model for all', () => {
  const mme = (changes: object, total: number) =>
    runResult({ benchmark: 'mme', split: 'test', ...changes }, { 'total score': total, accuracy: 80 });
  const runs = entries(runResult(smaller, { accuracy: 60 }), runResult(), mme({}, 1500), mme(smaller, 1400));
  const differencesOf = (options?: Parameters<typeof compareRuns>[1]) =>
    compareRuns(runs, options).map(({ benchmark, metric, rows }) => [
      benchmark,
      metric,
      ...rows.map(({ difference }) => difference?.points ?? null),
    ]);
  assert.deepEqual(differencesOf(), [
    ['textvqa', 'accuracy', null, 7],
    ['mme', 'total score', 100, null],
  ]);
  assert.deepEqual(differencesOf({ baseline: modelKey(runs[1]!.run), metric: 'accuracy' }), [
    ['textvqa', 'accuracy', -7, null],
    ['mme', 'accuracy', null, 0],
  ]);
  const [onlyOther] = compareRuns(entries(runResult(), mme(smaller, 1), mme(tiny, 2))).slice(1);
  assert.equal(onlyOther!.rows[1]!.difference?.points, 1);
  const page = comparisonTables(compareRuns(entries(runResult(), runResult(tiny), mme(smaller, 1), mme(tiny, 2))));
  assert.match(page, /^Note: mme: differences are from llava-hr-7b at 384 px\.$/m);
});

test('rows are sorted by score, difference, time or name, unknown values last', () => {
  const times = [30, 10, 20];
  const runs = [
    runResult({}, { accuracy: 50 }),
    runResult(smaller, { accuracy: 70 }),
    runResult({ ...tiny, split: 'test' }, { accuracy: 60 }),
  ];
  runs.forEach((run, i) => {
    run.latency = { ...run.latency, firstTokenMs: { n: 1, p50: times[i]!, p95: null, mean: null } };
  });
  const order = (sort: 'score' | 'difference' | 'latency' | 'name') =>
    compareRuns(entries(...runs), { sort })[0]!.rows.map(({ score }) => score);
  assert.deepEqual(order('score'), [70, 60, 50]);
  assert.deepEqual(order('difference'), [70, 50, 60]);
  assert.deepEqual(order('latency'), [70, 60, 50]);
  assert.deepEqual(order('name'), [60, 50, 70]);
});

test('question scores add an interval, p-values, and the questions that only one model answers correctly', () => {
  const comparisons = compareRuns([answered({}, 0), answered(smaller, 40), answered(tiny, 1)]);
  const [, better, same] = comparisons[0]!.rows;
  const { points, interval, pValue, adjustedPValue, mcnemar, detectable } = better!.difference!;
  assert.equal(points, 20);
  assert.ok(interval!.low > 5 && interval!.low < 20 && interval!.high > 20 && interval!.high < 35);
  assert.ok(pValue! <= 0.001 && adjustedPValue === 2 * pValue!);
  assert.deepEqual([mcnemar!.onlyBaseline, mcnemar!.onlyThis], [0, 40]);
  assert.ok(mcnemar!.pValue < 1e-11);
  assert.ok(detectable! > 5 && detectable! < 20);
  assert.equal(same!.difference!.points, 0.5);
  assert.ok(same!.difference!.pValue! > 0.5);

  const verdicts = comparisonVerdicts(comparisons);
  assert.equal(verdicts[0], 'llava-hr-7b at 384 px is better than llava-hr-7b at 1024 px on');
  assert.match(verdicts[1]!, /^ {2}textvqa: \+20\.0 percentage points \(95 % CI \d+\.\d to \d+\.\d\), p 0\.002$/);
  assert.equal(verdicts[2], 'llava-1.5-7b at 336 px is not distinguishable from llava-hr-7b at 1024 px on');
  assert.equal(
    verdicts[3],
    '  textvqa: +0.50 percentage points (95 % CI 0.00 to 1.50), p 0.771; detectable with 200 questions: 1.37',
  );
  const page = comparisonTables(comparisons);
  assert.match(page, /at 384 px +\+20\.00 +\[\d+\.\d\d, \d+\.\d\d\] +<?0\.001 +0\.002 +40 : 0 +<0\.001/);
  assert.match(page, /at 336 px +\+0\.50 +\[0\.00, 1\.50\] /, 'a column has equally many decimals');
  assert.match(page, /^All runs were too short to time\.$/m);
});

test('a score that is not a mean is tested by its own formula', () => {
  const f1 = percentOf(
    [[0, 2]],
    [
      [0, 2],
      [1, 1],
      [2, 1],
    ],
    'zero',
  );
  const withF1 = (changes: object, wrong: number): ComparedRun => {
    // Questions of which every other one should be answered yes; the first `wrong` are answered with the contrary.
    const right = Array.from({ length: 100 }, (_, i) => (i < wrong ? 0 : 1));
    const counts = right.flatMap((score, i) => [
      i % 2 === 0 && score === 1 ? 1 : 0,
      i % 2 === 1 && score === 0 ? 1 : 0,
      i % 2 === 0 && score === 0 ? 1 : 0,
    ]);
    const images = right.map(() => null);
    const statistics = { f1: { width: 3, counts: Float64Array.from(counts), formula: f1 } };
    const questions: QuestionScores = questionScores(right, images, statistics);
    const sums = [0, 1, 2].map((column) => counts.reduce((sum, count, i) => (i % 3 === column ? sum + count : sum), 0));
    return { run: runResult(changes, { f1: evaluateFormula(f1, sums) }), questions };
  };
  const [{ rows }] = compareRuns([withF1({}, 20), withF1(smaller, 10)]) as [ReturnType<typeof compareRuns>[number]];
  const { points, interval, mcnemar } = rows[1]!.difference!;
  assert.ok(Math.abs(points - 10) < 1e-9);
  assert.ok(interval!.low > 2 && interval!.low < 10 && interval!.high > 10 && interval!.high < 20);
  assert.deepEqual([mcnemar!.onlyBaseline, mcnemar!.onlyThis], [0, 10]);
});

/** Ten questions, of which a score counts the first six, as two copies each of three. */
function copied(changes: object, scores: readonly number[]): ComparedRun {
  const images = scores.map((_, i) => `image ${i}`);
  const columns = (rows: (i: number) => [value: number, counted: number]) =>
    Float64Array.from(scores.flatMap((_, i) => rows(i)));
  const both = (i: number) => Math.min(scores[i]!, scores[i + 1]!);
  const statistic = (counts: Float64Array) => ({ width: 2, counts, formula: MEAN_PERCENT });
  const questions = questionScores(scores, images, {
    part: statistic(columns((i) => (i < 6 ? [scores[i]!, 1] : [0, 0]))),
    circular: statistic(columns((i) => (i < 6 && i % 2 === 0 ? [both(i), 1] : [0, 0]))),
  });
  return { run: runResult(changes, { part: 50, circular: 50, other: 50 }), questions };
}

test('the McNemar test is over what the score is made of', () => {
  const runs = [copied({}, [1, 1, 0, 0, 1, 0, 1, 1, 0, 0]), copied(smaller, [1, 0, 1, 1, 1, 1, 0, 0, 0, 0])];
  const counts = ['part', 'circular', 'other'].map((metric) => {
    const { mcnemar } = compareRuns(runs, { metric })[0]!.rows[1]!.difference!;
    return mcnemar && [mcnemar.onlyBaseline, mcnemar.onlyThis];
  });
  assert.deepEqual(counts, [[1, 3], [1, 2], null]);
});

test('no McNemar test with partial scores, and no pairing of different questions', () => {
  const halves = answered(smaller, 10);
  const scores = halves.questions!.scores.map((score, i) => (i === 0 ? 0.5 : score!));
  const counts = Float64Array.from(scores.flatMap((score) => [score, 1]));
  const statistics = { accuracy: { width: 2, counts, formula: MEAN_PERCENT } };
  halves.questions = questionScores(scores, halves.questions!.imageNames, statistics);
  const [{ rows }] = compareRuns([answered({}, 0), halves]) as [ReturnType<typeof compareRuns>[number]];
  assert.equal(rows[1]!.difference!.mcnemar, null);
  assert.notEqual(rows[1]!.difference!.interval, null);

  const others = answered(smaller, 10);
  others.questions = { ...others.questions!, imageNames: others.questions!.imageNames.map((name) => `other ${name}`) };
  const unpaired = compareRuns([answered({}, 0), others])[0]!.rows[1]!.difference!;
  assert.deepEqual(unpaired, {
    points: 5,
    interval: null,
    pValue: null,
    adjustedPValue: null,
    detectable: null,
    mcnemar: null,
  });
});

test('a run without a score does not hide those of others', () => {
  const ungraded = runResult({}, {});
  ungraded.metrics = { ...ungraded.metrics, headline: null, scores: {} };
  const [{ metric, rows }] = compareRuns(entries(ungraded, runResult(smaller, { accuracy: 60 }))) as [
    ReturnType<typeof compareRuns>[number],
  ];
  assert.deepEqual([metric, rows.map(({ score }) => score)], ['accuracy', [null, 60]]);
  assert.equal(rows[1]!.difference, null);
});

test('missing grades are told', () => {
  const graded = runResult(smaller, { accuracy: 60 });
  const judge = {
    server: 'https://example.org/v1',
    model: 'gpt-4',
    runs: 1,
    missing: 0,
    gradedAt: '2024-01-01T00:00:00Z',
  };
  const runs = [runResult(), graded].map((run, i) => ({
    ...run,
    metrics: { ...run.metrics, judge: { ...judge, missing: i } },
  }));
  assert.deepEqual(compareRuns(entries(...runs))[0]!.notes, [
    'llava-hr-7b at 384 px: 1 grading is missing and left out. The same eval command requests them again.',
  ]);
});

test('notes explain missing or rough intervals', () => {
  const [{ notes }] = compareRuns([answered({}, 0), { run: runResult(smaller, { accuracy: 1 }), questions: null }]) as [
    ReturnType<typeof compareRuns>[number],
  ];
  assert.deepEqual(notes, [
    'llava-hr-7b at 384 px has no per-question scores, so no interval. Rerun its eval command to compute them.',
  ]);
  const few = answered({}, 0);
  few.questions = questionScores([1, 0], ['a', 'b'], {});
  assert.deepEqual(compareRuns([few])[0]!.notes, [
    'accuracy is not computed from sums over questions, so it has no interval.',
    'Bootstrapped intervals over only 2 images are too narrow.',
  ]);
  const one = answered({}, 0);
  const counts = Float64Array.of(1, 1, 0, 1);
  one.questions = questionScores([1, 0], ['a', 'a'], { accuracy: { width: 2, counts, formula: MEAN_PERCENT } });
  assert.deepEqual(compareRuns([one])[0]!.notes, [
    'All questions are about one image, so that differences have neither an interval nor a p-value.',
  ]);
});

test('published numbers have their source, and a difference only under the same protocol', () => {
  const published: PublishedReference = {
    score: 67.1,
    source: { title: 'A paper', address: 'https://example.org/paper' },
    mismatches: [],
    note: null,
  };
  const [one, other] = [runResult({}, { accuracy: 66.5 }), runResult(smaller, { accuracy: 60 })];
  const comparisons = compareRuns([
    { run: one, published },
    { run: other, published: { ...published, mismatches: ['1024 px'] } },
  ]);
  const distances = comparisons[0]!.rows.map((row) => row.published?.difference ?? null);
  assert.ok(Math.abs(distances[0]! + 0.6) < 1e-9);
  assert.equal(distances[1], null);
  const page = comparisonTables(comparisons);
  assert.match(page, /66\.5 .*67\.1 \[1\], here -0\.6$/m);
  assert.match(page, /60\.0 .*67\.1 \[1\], not comparable$/m);
  assert.match(page, /^\[1\] A paper: https:\/\/example\.org\/paper$/m);
  assert.match(page, /^Note: textvqa: .* at 384 px: the published 67\.1 is for 1024 px\.$/m);
  assert.equal(compareRuns([{ run: one, published }], { metric: 'other' })[0]!.rows[0]!.published, null);
});

test('times of different machines come with a warning', () => {
  const other = runResult(smaller);
  const elsewhere = { ...session, host: { ...session.host, cpu: 'Other CPU' } };
  other.record.sessions = [elsewhere];
  assert.deepEqual(compareRuns(entries(runResult(), other))[0]!.notes, [
    'llava-hr-7b at 384 px was measured on Other CPU, 2 cores, llava-hr-7b at 1024 px on Some CPU, 2 cores: their times are not comparable.',
  ]);
  other.record.sessions = [session, elsewhere];
  assert.match(
    compareRuns(entries(runResult(), other))[0]!.notes.join(),
    /was measured on several machines: Some CPU, 2 cores; Other CPU/,
  );
});

test('the whole page for a terminal fits in 100 columns', () => {
  const base = answered({}, 0);
  const fast = answered(smaller, 40);
  const stage = (p50: number) => ({ n: 30, p50, p95: 2 * p50, mean: p50 });
  fast.run.metrics.failed = 3;
  fast.run.metrics.intervals = { accuracy: { low: 62.5, high: 77.5 } };
  fast.run.record.sessions = [{ ...session, settings: { trainedResolution: 1024 } }];
  base.run.latency = { ...base.run.latency, batches: 1 };
  fast.run.latency = {
    ...fast.run.latency,
    batches: 30,
    visualTokensPerImage: 144,
    questionsPerBatch: 8,
    firstTokenMs: stage(190.2),
    stages: {
      decodeImageMsPerImage: stage(4),
      visionMsPerImage: stage(123.45),
      prefillMsPerQuestion: stage(67.5),
      decodeMsPerToken: { ...stage(8.25), p95: null },
    },
    tokensPerSecond: { generate: 50, model: 30.26, endToEnd: 20 },
    questionsPerSecond: 3.125,
  };
  const lines = comparisonTables(compareRuns([base, fast])).split('\n');
  assert.deepEqual(
    lines.filter(({ length }) => length > 100),
    [],
  );
  const page = lines.map((line) => line.replace(/\[\d.*?\]/, '[low, high]'));
  assert.deepEqual(page.slice(0, 5), [
    'Scores over n questions with 95 % intervals (bootstrap over images, or exact); fp32, cpu',
    'benchmark       model                   value                  n  failed',
    '-'.repeat(72),
    'textvqa val     llava-hr-7b at 1024 px   50.0                200       0',
    '  accuracy (%)  llava-hr-7b at 384 px    70.0  [low, high]  200       3',
  ]);
  const timesAt = page.findIndex((line) => line.startsWith('Times'));
  assert.deepEqual(page.slice(timesAt + 2, timesAt + 6), [
    'benchmark  model                   first token        image     vision       prefill  token',
    '-'.repeat(91),
    'textvqa    llava-hr-7b at 1024 px            -            -          -             -      -',
    '           llava-hr-7b at 384 px     190 / 380  4.00 / 8.00  123 / 247  67.5 / 135.0   8.25',
  ]);
});

test('a hostile name stays one cell of one line, without control characters', () => {
  const hostile = runResult({ model: { ...identity.model, name: `\x1b[31m${HOSTILE}` } }, { accuracy: 60 });
  const page = comparisonTables(compareRuns(entries(runResult(), hostile)));
  assert.doesNotMatch(page.replaceAll('\n', ''), /\p{Cc}/u);
  assert.ok(page.split('\n').every((line) => !line.startsWith('[a]')));
});
