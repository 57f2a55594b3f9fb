import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../../shared/package-root.js';
import { VERSION } from '../../shared/version.js';
import type { Align } from '../../terminal/table.js';
import { escapeXml, PLOT_COLORS } from '../plots/svg-plot.js';
import { bestTexts, NOT_COMPARABLE, type ReportLayout, type ReportScore, runName } from '../reports/report-layout.js';
import { optionText } from '../runs/run-identity.js';
import { INTERVAL_METHODS } from '../statistics/score-interval.js';
import type { FigureRow } from './figures.js';
import type { PageData } from './page-data.js';

const CLIENT_SCRIPT = new URL('./client/sample-browser.js', import.meta.url);
const STYLE_SHEET = join(PACKAGE_ROOT, 'src', 'results', 'html', 'report.css');

/**
 * Renders a report as one self-contained HTML page. Its content security policy forbids loading anything and allows only the
 * embedded script and style sheet, identified by their hashes. Deterministic.
 */
export function htmlPage(layout: ReportLayout, figures: readonly FigureRow[], data: PageData): string {
  const script = readFileSync(CLIENT_SCRIPT, 'utf8');
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
  const hasSamples = data.sets.some(({ samples }) => samples.length > 0);
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
${contents(figures, hasSamples)}
</header>
<main>
${scoresSection(layout, data)}
${figures.map(figureSection).join('\n')}
${speedSection(layout, data)}
${hasSamples ? browserSection() : ''}
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
  return `${models.join(', ')} on ${benchmarks.join(', ')}`;
}

function contents(figures: readonly FigureRow[], hasSamples: boolean): string {
  const links = [
    ['scores', 'Scores'],
    ...figures.map(({ title }) => [anchor(title), title]),
    ['speed', 'Speed'],
    ...(hasSamples ? [['browser', 'Samples']] : []),
    ['runs', 'Runs'],
  ];
  return `<nav aria-label="Contents">${links.map(([id, text]) => `<a href="#${id}">${text}</a>`).join(' ')}</nav>`;
}

function anchor(title: string): string {
  return title.toLowerCase().replaceAll(' ', '-');
}

function scoresSection({ scores, footnotes, notes }: ReportLayout, { systems }: PageData): string {
  const listed = [...footnotes, ...notes];
  const best = bestTexts(scores);
  const lines = scores.lines.map(({ model, cells }, line) => [
    keyCell(systems[line]!.key),
    ...model.map((text, i) => cell(escapeXml(text), scores.align[i]!)),
    ...cells.map((found, i) => cell(found.map((score) => scoreCell(score, best[i]!)).join(' / ') || '–', 'right')),
  ]);
  const isMarked = scores.lines.some(({ cells }) => cells.flat().some(({ comparable }) => !comparable));
  return `<section id="scores">
<h2>Scores</h2>
${table('Scores', ['', ...scores.titles], ['left', ...scores.align], lines)}
<p class="caption">The best score of each column is bold; [low, high] is the 95 % interval (${INTERVAL_METHODS}).${isMarked ? ` * ${NOT_COMPARABLE}.` : ''}</p>
${listed.length > 0 ? `<ul class="notes">${listed.map((note) => `<li>${escapeXml(note)}</li>`).join('')}</ul>` : ''}
</section>`;
}

function scoreCell({ text, interval, comparable, published }: ReportScore, best: string | null): string {
  const value = comparable && text === best ? `<strong>${text}</strong>` : text;
  return `${value}${comparable ? '' : '*'}${interval === null ? '' : ` <small>${interval}</small>`}${published === null ? '' : `<br><small>published ${escapeXml(published)}</small>`}`;
}

function figureSection({ title, caption, figures }: FigureRow): string {
  const items = figures.map((figure) => `<figure>${figure}</figure>`).join('\n');
  return `<section id="${anchor(title)}">
<h2>${title}</h2>
<div class="figures">
${items}
</div>
<p class="caption">${caption}</p>
</section>`;
}

function speedSection({ runs, scores, speed }: ReportLayout, { systems }: PageData): string {
  const lines = speed.lines.map((line, i) => [
    keyCell(systems[scores.lines.findIndex((model) => model.runs.includes(runs[i]!))]!.key),
    ...line.map((text, i) => cell(escapeXml(text), speed.align[i]!)),
  ]);
  return `<section id="speed">
<h2>Speed</h2>
${table('Speed', ['', ...speed.titles], ['left', ...speed.align], lines)}
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
    const texts = [
      runName(run),
      finishedAt?.slice(0, 16).replace('T', ' ') ?? '–',
      String(run.metrics.n),
      String(run.metrics.failed),
      `${host.cpu ?? host.platform}, ${host.cores} cores`,
      protocol.join(', '),
      software.llavahr,
    ];
    return texts.map((text, i) => cell(escapeXml(text), align[i]!));
  });
  return `<section id="runs">
<h2>Runs</h2>
${table('Runs', titles, align, lines)}
</section>`;
}

/** A table in a scrollable box that is reachable by keyboard. */
function table(name: string, titles: readonly string[], align: readonly Align[], lines: readonly string[][]): string {
  const head = titles
    .map((title, i) => `<th scope="col"${align[i] === 'right' ? ' class="number"' : ''}>${escapeXml(title)}</th>`)
    .join('');
  const body = lines.map((cells) => `<tr>${cells.join('')}</tr>`).join('\n');
  return `<div class="wide" role="region" aria-label="${name}" tabindex="0"><table><thead><tr>${head}</tr></thead><tbody>
${body}
</tbody></table></div>`;
}

function cell(html: string, align: Align): string {
  return `<td${align === 'right' ? ' class="number"' : ''}>${html}</td>`;
}

function keyCell(key: string): string {
  return `<th scope="row" class="key">${key}</th>`;
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
<span class="hint"><kbd>j</kbd> <kbd>k</kbd> move, <kbd>n</kbd> <kbd>p</kbd> turn the page, <kbd>/</kbd> search, <kbd>Esc</kbd> back</span></div>
<p id="instruction" class="caption"></p>
<ol id="samples"></ol>
<p class="caption">✓ right, ✗ wrong, – no answer. An answer counts as right from half of the full score up.</p>
</section>`;
}
