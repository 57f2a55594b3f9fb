import assert from 'node:assert/strict';
import test from 'node:test';
import { parse } from 'csv-parse/sync';
import { compareRuns } from '../../../src/results/reports/compare.js';
import {
  comparisonCsv,
  comparisonJson,
  comparisonLatex,
  comparisonMarkdown,
} from '../../../src/results/reports/comparison-files.js';
import { csvReport } from '../../../src/results/reports/report-csv.js';
import { questionScores } from '../../../src/results/runs/question-scores.js';
import { MEAN_PERCENT } from '../../../src/results/statistics/formula.js';
import { identity } from '../samples.js';
import { HOSTILE, model, textvqa } from './report-samples.js';

const images = Array.from({ length: 40 }, (_, i) => `${i}.jpg`);

/** Scores of 40 questions of which the first `right` are right. */
function questions(right: number) {
  const scores = images.map((_, i) => Number(i < right));
  const counts = Float64Array.from(scores.flatMap((score) => [score, 1]));
  return questionScores(scores, images, { accuracy: { width: 2, counts, formula: MEAN_PERCENT } });
}

const first = textvqa(model('first'), 50);
const second = textvqa(model('second'), 75);
const limited = textvqa({ ...model(HOSTILE), protocol: { ...identity.protocol, limit: 20 } }, 99);
first.metrics.counts = { accuracy: 40 };
const comparisons = compareRuns([
  { run: first, questions: questions(20) },
  { run: second, questions: questions(30) },
  { run: limited },
]);

test('CSV: a row per run with its difference, under the header of reports', () => {
  const csv = comparisonCsv(comparisons);
  const [base, other, last] = parse(csv, { columns: true }) as Record<string, string>[];
  assert.deepEqual([base!['value'], base!['n'], base!['difference']], ['50', '40', '']);
  assert.deepEqual([other!['difference'], other!['only_baseline'], other!['only_this']], ['25', '0', '10']);
  assert.ok(Number(other!['difference_low']) < 25 && Number(other!['difference_high']) > 25);
  assert.ok(Number(other!['p']) < 0.01 && other!['p_holm'] === other!['p']);
  assert.match(other!['baseline']!, /^first/);
  assert.deepEqual([last!['difference'], last!['value']], ['', '99']);
  assert.equal(csv.split('\r\n')[0], csvReport([first]).split('\r\n')[0]);
});

test('Markdown and LaTeX: a run over the first questions says so in its cell', () => {
  const markdown = comparisonMarkdown(comparisons);
  assert.match(markdown, /\| 99\.0 \(first 20\)\\\* \|/);
  assert.match(markdown, /\| second[^|]*\| +75\.0 \|.*\| +\+25 \| \\\[\d\d, \d\d\\\] +\|/);
  const latex = comparisonLatex(comparisons);
  assert.match(latex, / & 99\.0 \(first 20\)\{\*\} & /);
  assert.match(latex, /\{\*\} not comparable with the baseline/);
});

test('LaTeX says what it takes to compile names in other scripts', () => {
  const latexOf = (name: string): string =>
    comparisonLatex(
      compareRuns([
        { run: first, questions: questions(20) },
        { run: textvqa(model(name), 75), questions: questions(30) },
      ]),
    );
  assert.match(
    latexOf('\u6a21\u578b 100%_#&'),
    /^% \\usepackage.*\n% Compile with LuaLaTeX.*\n(?:.*\n)*.*\u6a21\u578b 100\\%\\_\\#\\&/,
  );
  assert.doesNotMatch(latexOf('caf\u00e9'), /LuaLaTeX/);
});

test('JSON is the comparison itself', () => {
  const { schemaVersion, comparisons: written } = JSON.parse(comparisonJson(comparisons));
  assert.deepEqual([schemaVersion, written[0].rows.length, written[0].rows[1].difference.points], [1, 3, 25]);
});
