import assert from 'node:assert/strict';
import test from 'node:test';
import { reportLayout } from '../../../src/results/reports/report-layout.js';
import { escapeMarkdown, markdownReport } from '../../../src/results/reports/report-markdown.js';
import { HOSTILE, mme, model, publishedMme, textvqa, unscored } from './report-samples.js';

test('a line per model, a column per benchmark, then the speed of each run', () => {
  const runs = [textvqa({}, 67), mme({}, 1500), textvqa(model('b', 448), 60.5), unscored({ benchmark: 'vizwiz' })];
  assert.deepEqual(markdownReport(reportLayout(runs)).split('\n'), [
    '| model       | size (px) | precision | device | textvqa val accuracy (%) | mme test total score (points) | vizwiz test (not scored locally) |',
    '| :---------- | --------: | :-------- | :----- | -----------------------: | ----------------------------: | -------------------------------: |',
    '| llava-hr-7b |      1024 | fp32      | cpu    |        67.0 [66.0, 68.0] |                        1500.0 |                                - |',
    '| b           |       448 | fp32      | cpu    |        60.5 [59.5, 61.5] |                             - |                                - |',
    '',
    'Scores with 95 % intervals; - means no score.',
    '',
    '| model       | size (px) | visual tokens | precision | device | benchmark | image (ms) | vision (ms) | prefill (ms) | token (ms) | tokens/s | questions/s | batch | memory (GB) |',
    '| :---------- | --------: | ------------: | :-------- | :----- | :-------- | ---------: | ----------: | -----------: | ---------: | -------: | ----------: | ----: | ----------: |',
    '| llava-hr-7b |      1024 |             - | fp32      | cpu    | textvqa   |          - |           - |            - |          - |        - |           - |     - |         3.2 |',
    '| llava-hr-7b |      1024 |          1024 | fp32      | cpu    | mme       |          - |        12.3 |            - |          - |     30.3 |        3.13 |     - |         3.2 |',
    '| b           |       448 |             - | fp32      | cpu    | textvqa   |          - |           - |            - |          - |        - |           - |     - |         3.2 |',
    '| llava-hr-7b |      1024 |             - | fp32      | cpu    | vizwiz    |          - |           - |            - |          - |        - |           - |     - |         3.2 |',
    '',
  ]);
});

test('a run on other questions is marked, with a note that says why', () => {
  const other = textvqa({ ...model('b'), protocol: { ocrTokens: true, limit: 10 } }, 90);
  const text = markdownReport(reportLayout([textvqa({}, 67), other]));
  assert.match(text, /\| b .*\| +90\.0 \(first 10\)\\\* \[89\.0, 91\.0\] \|/);
  assert.match(text, /^\\\* not comparable with the first run of the benchmark$/m);
  assert.match(text, /^- textvqa: b at .* is not comparable with .*: protocol\.limit is 10, not none\.$/m);
  assert.match(text, /^- some-run: only the first 10 questions\.$/m);
  assert.doesNotMatch(markdownReport(reportLayout([textvqa({}, 67)])), /comparable/);
});

test('a run without a score does not hide the scores of others on its benchmark', () => {
  const { scores, notes } = reportLayout([unscored(model('first')), textvqa(model('second'), 60)]);
  assert.deepEqual(
    scores.lines.map(({ model, cells }) => [model[0], cells[0]!.map(({ text, comparable }) => [text, comparable])]),
    [
      ['first', []],
      ['second', [['60.0', true]]],
    ],
  );
  assert.match(notes.join(), /split is test, not val/);
});

test('runs of a model share a cell; other weights under its name do not', () => {
  const other = model('llava-hr-7b');
  const runs = [textvqa({}, 60), textvqa({}, 61), textvqa(other, 62)];
  const { lines } = reportLayout(runs).scores;
  assert.deepEqual(
    lines.map(({ cells }) => cells[0]!.map(({ text }) => text)),
    [['60.0', '61.0'], ['62.0']],
  );
});

test('a note on the scores of some runs names them, one on all the benchmark', () => {
  const noted = (run: ReturnType<typeof textvqa>, folder: string, notes: string[]) => {
    run.folder = folder;
    run.metrics.notes = notes;
    return run;
  };
  const runs = [
    noted(textvqa({}, 60), 'results/a', ['Graded by X.', 'Excludes videos.']),
    noted(textvqa(model('b'), 61), 'results/b', ['Excludes videos.']),
  ];
  assert.deepEqual(reportLayout(runs).notes, ['a: Graded by X.', 'textvqa: Excludes videos.']);
});

test('failed questions and the notes of a run are listed once', () => {
  const run = textvqa({}, 60);
  run.metrics.failed = 3;
  run.metrics.notes = ['Some images are missing.'];
  assert.deepEqual(reportLayout([run, run]).notes, [
    'some-run: 3 of 5000 questions failed and count as wrong.',
    'textvqa: Some images are missing.',
  ]);
  const other = { ...textvqa(model('b'), 70), folder: 'results/other-run' };
  other.metrics.failed = 3;
  assert.equal(reportLayout([run, other]).notes[0], 'All runs: 3 of 5000 questions failed and count as wrong.');
  const third = { ...textvqa(model('c'), 70), folder: 'results/third-run' };
  assert.equal(
    reportLayout([run, other, third]).notes[0],
    'some-run, other-run: 3 of 5000 questions failed and count as wrong.',
  );
});

test('quantised runs are marked, and a footnote says what that means', () => {
  const { model: quantised } = model('b');
  const text = markdownReport(
    reportLayout([textvqa({}, 60), textvqa({ model: { ...quantised, precision: 'int4' } }, 59)]),
  );
  assert.match(text, /^\| b +\| +1024 \| int4 \(quantised\) \|/m);
  assert.match(text, /^quantised: linear layers of the language model use 4-bit weights/m);
  assert.doesNotMatch(markdownReport(reportLayout([textvqa({}, 60)])), /quantised/);
});

test('a published number comparable with a run is listed below it, with its source', () => {
  const text = markdownReport(reportLayout([textvqa({}, 60), mme({}, 1500)], publishedMme));
  assert.match(text, /^\| llava-hr-7b, published \| +1024 \| - +\| - +\| +- \| +1554 \\\[1\\\] \|$/m);
  assert.match(text, /^\\\[1\\\] A paper: https:\/\/example\.org\/paper$/m);
  assert.doesNotMatch(text, /67\.1/, 'another size');
  assert.doesNotMatch(markdownReport(reportLayout([textvqa({}, 60)], publishedMme)), /published|A paper/);
});

test('a hostile name stays one cell of plain text', () => {
  assert.equal(
    escapeMarkdown(HOSTILE),
    '=cmd\\|"x"\\!A1 \\[a\\](http://b)\\<img src=x\\>\\`c\\`\\*d\\*\\_e\\_\\\\input{f}\\&%$\\#\\~^',
  );
  const hostile = textvqa(model(HOSTILE), 60);
  hostile.metrics.notes = [HOSTILE];
  const lines = markdownReport(reportLayout([textvqa({}, 67), hostile])).split('\n');
  const cells = (line: string) => line.split(/(?<!\\)\|/).length;
  assert.deepEqual(lines.slice(0, 4).map(cells), [7, 7, 7, 7]);
  assert.ok(lines.includes(`- some-run: ${escapeMarkdown(HOSTILE)}`));
});
