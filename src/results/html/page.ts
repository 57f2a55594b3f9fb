import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../../shared/package-root.js';
import { VERSION } from '../../shared/version.js';
import type { Align, PlainTable } from '../../terminal/table.js';
import { escapeXml, legendMark, PLOT_COLORS } from '../plots/svg-plot.js';
import {
  bestTexts,
  NOT_COMPARABLE,
  type ReportLayout,
  type ReportScore,
  runName,
  type ScoreTable,
} from '../reports/report-layout.js';
import { machineName } from '../runs/host.js';
import { optionText } from '../runs/run-identity.js';
import { INTERVAL_METHODS } from '../statistics/score-interval.js';
import { clientScript } from './client-script.js';
import type { FigureRow } from './figures.js';
import { htmlTable, withoutConstants } from './html-table.js';
import type { PageData } from './page-data.js';

const STYLE_SHEET = join(PACKAGE_ROOT, 'src', 'results', 'html', 'report.css');

/**
 * Renders a report as one self-contained HTML page. Its content security policy forbids loading anything and allows only the
 * embedded script and style sheet, identified by their hashes. Deterministic.
 */
export function htmlPage(layout: ReportLayout, figures: readonly FigureRow[], data: PageData): string {
  const script = clientScript();
  const style = `:root { ${PLOT_COLORS.light} }
@media screen and (prefers-color-scheme: dark) { :root { ${PLOT_COLORS.dark} } }
${readFileSync(STYLE_SHEET, 'utf8')}`;
  const policy = [
    "default-src 'none'",
    'img-src data:',
    `script-src '${hash(script)}'`,
    `style-src '${hash(style)}'`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  const hasSamples = data.sets.length > 0;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="llavahr ${VERSION}">
<link rel="icon" href="data:,">
<title>${escapeXml(pageTitle(layout))}</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>${escapeXml(pageTitle(layout))}</h1>
${contents(figures)}
</header>
<main>
${scoresSection(layout, data)}
${figures.map(figureSection).join('\n')}
${speedSection(layout, data)}
${hasSamples ? browserSection() : noSamplesSection()}
${runsSection(layout)}
</main>
${hasSamples ? `<script type="application/json" id="data">${jsonForScript(data)}</script>\n<script type="module">${script}</script>` : ''}
</body>
</html>
`;
}

/** JSON that cannot close the enclosing script element. Source: HTML standard, "Restrictions for contents of script elements" */
export function jsonForScript(value: unknown): string {
  return JSON.stringify(value).replace(/</g, '\\u003c');
}

function hash(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}

function pageTitle({ scores, runs }: ReportLayout): string {
  const models = [...new Set(scores.lines.map(({ model }) => model[0]!))];
  const benchmarks = [...new Set(runs.map(({ metrics }) => metrics.benchmark))];
  return `${listed(models, 'models')} on ${listed(benchmarks, 'benchmarks')}`;
}

/** Names, or how many there are: the title of a page is no list. */
function listed(names: readonly string[], things: string): string {
  return names.length > 4 ? `${names.length} ${things}` : names.join(', ');
}

function contents(figures: readonly FigureRow[]): string {
  const links = [
    ['scores', 'Scores'],
    ...figures.map(({ title }) => [anchor(title), title]),
    ['speed', 'Speed'],
    ['browser', 'Samples'],
    ['runs', 'Runs'],
  ];
  return `<nav aria-label="Contents">${links.map(([id, text]) => `<a href="#${id}">${text}</a>`).join(' ')}</nav>`;
}

function anchor(title: string): string {
  return title.toLowerCase().replaceAll(' ', '-');
}

function scoresSection({ scores, footnotes, notes }: ReportLayout, { systems }: PageData): string {
  const remarks = [...footnotes, ...notes];
  const best = bestTexts(scores);
  const { model, constants } = modelTable(scores);
  const isMarked = scores.lines.some(({ cells }) => cells.flat().some(({ comparable }) => !comparable));
  const table = {
    titles: ['model', ...scores.titles.slice(scores.lines[0]!.model.length)],
    align: ['left', ...scores.align.slice(scores.lines[0]!.model.length)] as Align[],
    lines: scores.lines.map(({ cells }, line) => [
      modelCell(systems[line]!.key, model, line),
      ...cells.map((found, i) => found.map((score) => scoreCell(score, best[i]!)).join('') || '–'),
    ]),
  };
  return `<section id="scores">
<h2>Scores</h2>
${htmlTable('Scores', table)}
<p class="caption">${constants === '' ? '' : `All models: ${escapeXml(constants)}. `}${best.some((text) => text !== null) ? 'The best score of each column is bold; ' : ''}[low, high] is the 95 % interval (${INTERVAL_METHODS}).${isMarked ? ` * ${NOT_COMPARABLE}.` : ''}</p>
${remarks.length > 0 ? `<ul class="notes">${remarks.map((note) => `<li>${escapeXml(note)}</li>`).join('')}</ul>` : ''}
</section>`;
}

/** The columns that describe the models, without settings that all of them share. */
function modelTable({ titles, align, lines }: ScoreTable): { model: PlainTable; constants: string } {
  const count = lines[0]!.model.length;
  const all = { titles: titles.slice(0, count), align: align.slice(0, count), lines: lines.map(({ model }) => model) };
  const { table, constants } = withoutConstants(all, all.titles.slice(1));
  return { model: table, constants };
}

/** A model in one cell, so that it stays beside the scores on a narrow screen: letter, name, and below what tells it apart. */
function modelCell(key: string, { titles, lines }: PlainTable, line: number): string {
  const [name, ...settings] = lines[line]!;
  const unit = (title: string): string => / \(\w+\)$/.exec(title)?.[0].replace(/[()]/g, '') ?? '';
  const texts = settings
    .map((text, i) => (text === '-' ? '' : text.replace(/^\d+/, (number) => number + unit(titles[i + 1]!))))
    .filter((text) => text !== '');
  const below = texts.length === 0 ? '' : ` <small>${escapeXml(texts.join(', '))}</small>`;
  return `<span class="key">${key}</span> ${escapeXml(name!)}${below}`;
}

function scoreCell({ text, interval, comparable, published }: ReportScore, best: string | null): string {
  const value = comparable && text === best ? `<strong>${text}</strong>` : text;
  const below = [
    ...(interval === null ? [] : [interval]),
    ...(published === null ? [] : [`published ${escapeXml(published)}`]),
  ];
  return `<div>${value}${comparable ? '' : '*'}${below.map((small) => ` <small>${small}</small>`).join('')}</div>`;
}

function figureSection({ title, caption, legend, figures }: FigureRow): string {
  const items = figures.map((figure) => `<figure>${figure}</figure>`).join('\n');
  const entries = legend.map((entry) => `<li>${legendMark(entry)}${escapeXml(entry.label)}</li>`).join('');
  return `<section id="${anchor(title)}">
<h2>${title}</h2>
<ul class="legend">${entries}</ul>
<div class="figures">
${items}
</div>
<p class="caption">${caption}</p>
</section>`;
}

function speedSection({ runs, scores, speed }: ReportLayout, { systems }: PageData): string {
  const { model } = modelTable(scores);
  const own = speed.titles.map((_title, i) => i).filter((i) => !scores.titles.includes(speed.titles[i]!));
  const pick = <T>(values: readonly T[]): T[] => own.map((i) => values[i]!);
  const table = {
    titles: ['model', ...pick(speed.titles)],
    align: ['left' as Align, ...pick(speed.align)],
    lines: speed.lines.map((line, i) => {
      const place = scores.lines.findIndex(({ runs: own }) => own.includes(runs[i]!));
      return [modelCell(systems[place]!.key, model, place), ...pick(line).map(escapeXml)];
    }),
  };
  return `<section id="speed">
<h2>Speed</h2>
${htmlTable('Speed', table)}
<p class="caption">Medians per image, question and token; tokens/s of vision and language model together; questions/s end to end; batch is questions per batch.</p>
</section>`;
}

/** Table of the runs with the details needed to find and repeat them. */
function runsSection({ runs }: ReportLayout): string {
  const titles = ['run', 'finished', 'questions', 'failed', 'machine', 'protocol', 'llavahr'];
  const align: Align[] = ['left', 'left', 'right', 'right', 'left', 'left', 'left'];
  const lines = runs.map((run) => {
    const { identity, finishedAt, sessions } = run.record;
    const { software, host } = sessions.at(-1)!;
    const protocol = Object.entries(identity.protocol).map(([name, value]) => `${name} ${optionText(value)}`);
    return [
      runName(run),
      finishedAt?.slice(0, 16).replace('T', ' ') ?? '–',
      String(run.metrics.n),
      String(run.metrics.failed),
      machineName(host),
      protocol.join(', '),
      software.llavahr,
    ];
  });
  const { table, constants } = withoutConstants({ titles, align, lines }, ['machine', 'protocol', 'llavahr']);
  const cells = table.lines.map((line) => line.map(escapeXml));
  return `<section id="runs">
<h2>Runs</h2>
${htmlTable('Runs', { ...table, lines: cells })}
${constants === '' ? '' : `<p class="caption">All runs: ${escapeXml(constants)}.</p>`}
</section>`;
}

function noSamplesSection(): string {
  return `<section id="browser">
<h2>Samples</h2>
<p>The folders of the runs hold no answers.</p>
</section>`;
}

/** Elements that the script fills. */
function browserSection(): string {
  return `<section id="browser">
<h2>Samples</h2>
<noscript><p>The samples need JavaScript.</p></noscript>
<form id="filters" role="search" aria-label="Samples">
<label>benchmark <select name="set"></select></label>
<label>category <select name="category"></select></label>
<label>answers <select name="who"><option value="any">any</option><option value="all">all right</option><option value="none">all wrong</option><option value="some">some right, some wrong</option><option value="failed">some failed</option></select></label>
<label class="search">search <input type="search" name="search" autocomplete="off" spellcheck="false"></label>
<fieldset id="systems" aria-label="Models"></fieldset>
</form>
<div class="bar"><output id="count" aria-live="polite"></output>
<span class="pager"><button type="button" id="previous">previous</button> <span id="page"></span> <button type="button" id="next">next</button></span>
<span class="hint"><kbd>j</kbd> <kbd>k</kbd> move, <kbd>Enter</kbd> open, <kbd>n</kbd> <kbd>p</kbd> turn the page, <kbd>/</kbd> search, <kbd>Esc</kbd> back</span></div>
<p id="instruction" class="caption"></p>
<p id="empty" hidden>No question matches all of these filters. <button type="button" id="clear">Clear the filters</button></p>
<ol id="samples"></ol>
<p class="caption">✓ right, ✗ wrong, – no answer. An answer counts as right from half of the full score up.</p>
<dialog id="question" aria-label="Question">
<div class="bar"><span class="pager"><button type="button" id="question-previous">previous</button> <button type="button" id="question-next">next</button> <button type="button" id="question-close">close</button></span>
<span class="hint"><kbd>j</kbd> <kbd>k</kbd> other questions, <kbd>z</kbd> image in full size, <kbd>Esc</kbd> close</span></div>
<div id="question-content"></div>
<p class="caption">Answers are as the models gave them; <mark>marked</mark> is what differs from the first.</p>
</dialog>
</section>`;
}
