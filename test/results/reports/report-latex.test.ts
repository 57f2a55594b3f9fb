import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import { escapeLatex, latexReport } from '../../../src/results/reports/report-latex.js';
import { reportLayout } from '../../../src/results/reports/report-layout.js';
import { temporaryFolder } from '../samples.js';
import { HOSTILE, mme, model, publishedMme, textvqa, unscored } from './report-samples.js';

/** The rows of the score table, without the head. */
function scoreRows(text: string): string[] {
  const lines = text.split('\n').map((line) => line.trim());
  return lines.slice(lines.indexOf('\\midrule') + 1, lines.indexOf('\\bottomrule'));
}

test('the table of scores, ready to paste, with the best of each column in bold', () => {
  const runs = [
    textvqa({}, 60),
    mme({}, 1500),
    textvqa(model('b', 448), 67.123),
    mme(model('b', 448), 1400),
    textvqa(model('c'), 67.12),
    unscored({ benchmark: 'vizwiz' }),
  ];
  const text = latexReport(reportLayout(runs));
  const head = (...lines: string[]) => `\\begin{tabular}[b]{@{}r@{}}${lines.join(' \\\\ ')}\\end{tabular}`;
  assert.deepEqual(text.split('\n').slice(0, 20), [
    '% \\usepackage{booktabs,graphicx}',
    '\\begin{table}',
    '  \\centering',
    '  \\caption{Scores with 95 \\% intervals below, precision fp32, device cpu.}',
    '  \\medskip',
    '  \\resizebox{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}{!}{%',
    '  \\begin{tabular}{lrrrr}',
    '    \\toprule',
    `    model & size (px) & ${head('textvqa', 'val', 'accuracy', '(\\%)')} & ${head('mme test', 'total', 'score', '(points)')} & ${head('vizwiz', 'test (not', 'scored', 'locally)')} \\\\`,
    '    \\midrule',
    '    llava-hr-7b & 1024 & 60.0 & \\textbf{1500.0} & -- \\\\',
    '     &  & {\\scriptsize [59.0, 61.0]} &  &  \\\\',
    '    \\addlinespace',
    '    b & 448 & \\textbf{67.1} & 1400.0 & -- \\\\',
    '     &  & {\\scriptsize [66.1, 68.1]} &  &  \\\\',
    '    \\addlinespace',
    '    c & 1024 & \\textbf{67.1} & -- & -- \\\\',
    '     &  & {\\scriptsize [66.1, 68.1]} &  &  \\\\',
    '    \\bottomrule',
    '  \\end{tabular}}',
  ]);
  assert.match(text, /llava-hr-7b & 1024 & 1024 & mme & -- & 12\.3 & -- & -- & 30\.3 & 3\.13 & -- & 3\.2 \\\\/);
});

test('a run on other questions is marked and never the best', () => {
  const other = textvqa({ ...model('c'), split: 'test' }, 90);
  const text = latexReport(reportLayout([textvqa({}, 60), textvqa(model('b'), 67), other]));
  assert.deepEqual(
    scoreRows(text).filter((row) => /^\w/.test(row)),
    ['llava-hr-7b & 1024 & 60.0 \\\\', 'b & 1024 & \\textbf{67.0} \\\\', 'c & 1024 & 90.0$^{*}$ \\\\'],
  );
  assert.match(text, /\\caption\{.* \{\*\} not comparable with the first run of the benchmark\.\}/);
  assert.match(text, /^% Note: textvqa: c at .*: split is test, not val\.$/m);
});

test('quantised runs are marked, and the caption says what that means', () => {
  const { model: quantised } = model('b');
  const run = textvqa({ model: { ...quantised, precision: 'int8' } }, 60);
  const text = latexReport(reportLayout([run, textvqa({}, 67)]));
  assert.match(scoreRows(text)[0]!, /^b & 1024 & int8 \(quantised\) & /);
  assert.match(text, /\\caption\{Scores.* Quantised: .* 8-bit weights, .*\.\}/);
  assert.match(
    latexReport(reportLayout([run])),
    /\\caption\{Scores.*, precision int8 \(quantised\), device cpu\. Quantised: /,
  );
});

test('a published number comparable with a run is listed below it and never marked as best', () => {
  const text = latexReport(reportLayout([mme({}, 1500), mme(model('b'), 1400)], publishedMme));
  assert.equal(scoreRows(text)[0], 'llava-hr-7b & 1024 & \\textbf{1500.0} \\\\');
  assert.equal(scoreRows(text)[1], 'llava-hr-7b, published & 1024 & 1554 {[}1{]} \\\\');
  assert.match(text, /\\caption\{.* \{\[\}1\{\]\} A paper: https:\/\/example\.org\/paper\./);
});

test('a single value is not bold', () => {
  assert.doesNotMatch(latexReport(reportLayout([textvqa({}, 60)])), /textbf/);
});

test('every special character is typeset as itself', () => {
  assert.equal(
    escapeLatex('& % $ # _ { } ~ ^ \\'),
    '\\& \\% \\$ \\# \\_ \\{ \\} \\textasciitilde{} \\textasciicircum{} \\textbackslash{}',
  );
  assert.equal(escapeLatex('[a]*<|>'), '{[}a{]}{*}\\textless{}\\textbar{}\\textgreater{}');
  assert.equal(escapeLatex("a--b model's '' ?`"), "a-{}-b model's '{}' ?{`}");
});

test('a hostile name neither ends a line, a cell or a comment, nor runs a macro', () => {
  const hostile = textvqa(model(HOSTILE), 60);
  hostile.metrics.notes = [`a\r\n\\input{f}`];
  const text = latexReport(reportLayout([hostile, textvqa({}, 67)]));
  const rows = scoreRows(text);
  assert.deepEqual(
    rows.filter((row) => row.includes('&')).map((row) => row.split(/(?<!\\)&/).length),
    [3, 3, 3, 3],
  );
  assert.match(rows[0]!, /\{\*\}\\_e\\_\\textbackslash\{\}input\\\{f\\\}\\&\\%\\\$\\#\\textasciitilde\{\}/);
  assert.match(text, /^% Note: some-run: a \\input\{f\}$/m);
  assert.doesNotMatch(text.replace(/^%.*$/gm, ''), /\\input/);
});

test('names in scripts that pdfLaTeX does not support add a comment', () => {
  const comment = /^% Compile with LuaLaTeX or XeLaTeX/m;
  assert.match(latexReport(reportLayout([textvqa(model('模型'), 60)])), comment);
  assert.doesNotMatch(latexReport(reportLayout([textvqa(model('modèle – ß'), 60)])), comment);
});

const COMPILERS = ['pdflatex', 'tectonic'].filter((name) => spawnSync(name, ['--version']).status === 0);

test('LaTeX typesets reports with hostile names within the text width', {
  skip: COMPILERS.length === 0 && 'there is neither pdflatex nor tectonic',
}, async (t) => {
  const folder = await temporaryFolder(t);
  const hostile = textvqa(model(HOSTILE), 60);
  hostile.metrics.notes = [HOSTILE];
  const report = latexReport(
    reportLayout([hostile, textvqa(model('modèle'.repeat(20)), 67), mme({}, 1500)], publishedMme),
  );
  const head = ['\\documentclass{article}', '\\usepackage{booktabs,graphicx}', '\\begin{document}'];
  await writeFile(join(folder, 'report.tex'), [...head, report, '\\end{document}', ''].join('\n'));
  const args = COMPILERS[0] === 'pdflatex' ? ['-interaction=nonstopmode', '-halt-on-error', '-no-shell-escape'] : [];
  const { status, stdout } = spawnSync(COMPILERS[0]!, [...args, 'report.tex'], { cwd: folder, encoding: 'utf8' });
  assert.equal(status, 0, stdout);
  assert.doesNotMatch(stdout, /Overfull/);
});
