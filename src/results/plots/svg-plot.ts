import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { max } from 'simple-statistics';
import { visibleText } from '../../shared/visible-text.js';
import { brokenLines } from './broken-lines.js';

/** The title above a plot and the description for screen readers. */
export interface PlotText {
  title: string;
  /** The values as text. */
  description: string;
}

/** An entry of the legend: a symbol's name, or a filled square. */
export interface LegendEntry {
  label: string;
  color: string;
  symbol?: Plot.SymbolType;
}

/** An SVG element, and its height at the width of `PLOT_WIDTH`. */
export interface Drawing {
  svg: string;
  height: number;
}

/** A plot without its legend, which plots beside each other share. */
export interface SvgPlot extends Drawing {
  legend: readonly LegendEntry[];
}

/** In user units of the SVG, which scales to any width. */
const PLOT_WIDTH = 400;

/** Colour of a series by its index; colours repeat after the eighth. */
export function seriesColor(index: number): string {
  return `var(--series-${(index % LIGHT.length) + 1})`;
}

/** Muted colour for secondary elements. */
export const QUIET_COLOR = 'var(--quiet)';

const FONT_SIZE = 11;
const TEXT_STYLE = `font-family="system-ui, sans-serif" font-size="${FONT_SIZE}" fill="currentColor"`;
const LETTER_WIDTH = 6.2; // generous, since text cannot be measured here and legend entries must not overlap
const ROW_LETTER_WIDTH = 7; // row names are right-aligned at the plot: a name wider than the margin would be cut off at the start
const LEGEND_LINE = 17;
const LEGEND_MARK = 12; // from the symbol's centre to its label
const LEGEND_GAP = 22;
const LEGEND_LETTERS = Math.floor((PLOT_WIDTH - LEGEND_MARK) / LETTER_WIDTH);
const ROW_LINE = 12;
const ROW_LETTERS = 28; // leaves almost half of the width for the plot
const TITLE_LINE = 17;
const TITLE_GAP = 7;
const TITLE_LETTERS = 46; // of bold text in the width of a plot

/* At least 3:1 to the background of their mode, and told apart by colour-blind readers in this order. */
const LIGHT = ['#2a62b8', '#c8501e', '#1b7f5c', '#8a4fb0', '#8f6d00', '#2b8a9e', '#bd3b76', '#5c5c5c'];
const DARK = ['#7aa7f0', '#f08a5a', '#5cc49b', '#c59be6', '#d9b64a', '#6cc6d8', '#f08ab5', '#b0b0b0'];

/** CSS declarations of the colour variables used in plots. */
export const PLOT_COLORS = { light: declarations(LIGHT, '#b9b9b9'), dark: declarations(DARK, '#5f5f5f') };

/**
 * Draws title and plot as one SVG element. Deterministic. Axes use `currentColor`, series the variables of `PLOT_COLORS`, so
 * that the surrounding page or `svgFile` chooses light or dark. Contains no style elements or attributes, as required by a
 * strict content security policy.
 */
export function svgPlot(options: Plot.PlotOptions, legend: readonly LegendEntry[], text: PlotText): SvgPlot {
  const title = brokenLines(text.title, TITLE_LETTERS);
  const top = title.length * TITLE_LINE + TITLE_GAP;
  const plot = draw({ width: PLOT_WIDTH, ...options }, top);
  const height = top + plot.height;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" class="plot" viewBox="0 0 ${PLOT_WIDTH} ${height}" role="img"`,
    ` aria-label="${escapeXml(text.title)}" ${TEXT_STYLE}>`,
    `<desc>${escapeXml(text.description)}</desc>`,
    ...title.map(
      (line, i) => `<text y="${13 + i * TITLE_LINE}" font-size="13" font-weight="600">${escapeXml(line)}</text>`,
    ),
    plot.svg,
    '</svg>',
  ];
  return { svg: parts.join(''), height, legend };
}

/** The entries of all plots' legends, each once. */
export function commonLegend(plots: readonly SvgPlot[]): LegendEntry[] {
  return [...new Map(plots.flatMap(({ legend }) => legend.map((entry) => [entry.label, entry]))).values()];
}

/** The mark of a legend's entry as an SVG element of its own, for a legend in HTML. */
export function legendMark(entry: LegendEntry): string {
  const size = LEGEND_LINE;
  const { svg } = draw({
    ...BARE,
    width: size,
    height: size,
    marks: [markOf([{ ...entry, x: size / 2, y: size / 2 }])],
  });
  return svg.replace('<svg', '<svg aria-hidden="true"');
}

/**
 * Stacks plots vertically, below one legend, in a self-contained SVG file that follows the system's light or dark mode. Ends
 * with a newline.
 */
export function svgFile(plots: readonly SvgPlot[]): string {
  const margin = 16;
  const width = PLOT_WIDTH + 2 * margin;
  let y = margin;
  const placed = [legendDrawing(commonLegend(plots)), ...plots].map(({ svg, height }) => {
    const at = `<svg x="${margin}" y="${y}" width="${PLOT_WIDTH}" height="${height}"`;
    y += height + margin;
    return svg.replace('<svg', at);
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y}" width="${width}" height="${y}" ${TEXT_STYLE}>`,
    `<style>:root { color: #1a1a1a; background: #fff; ${PLOT_COLORS.light} }`,
    `@media (prefers-color-scheme: dark) { :root { color: #e6e6e6; background: #16181c; ${PLOT_COLORS.dark} } }</style>`,
    ...placed,
    '</svg>',
    '',
  ].join('\n');
}

/** Names of rows for the left of a plot. */
export interface RowNames {
  /** In as many lines as each needs. */
  texts: string[];
  /** Of the plot, so that they have room. */
  marginLeft: number;
  /** Of the name with the most lines. */
  height: number;
}

export function rowNames(names: readonly string[]): RowNames {
  const lines = names.map((name) => brokenLines(name, ROW_LETTERS));
  return {
    texts: lines.map((own) => own.join('\n')),
    marginLeft: max(lines.flat().map(({ length }) => length)) * ROW_LETTER_WIDTH + 14,
    height: max(lines.map(({ length }) => length)) * ROW_LINE,
  };
}

/** Escapes text for XML and HTML, in attributes too. */
export function escapeXml(text: string): string {
  return withoutForbidden(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Replaces characters that XML cannot represent. Source: XML 1.0, 2.2 "Characters" */
function withoutForbidden(text: string): string {
  return visibleText(text).replace(/[\ufffe\uffff]/g, '\ufffd');
}

/** Lays out legend entries from left to right in as many lines as needed. */
function legendDrawing(legend: readonly LegendEntry[]): Drawing {
  let x = 0;
  let line = 0;
  const entries = legend.map((entry) => {
    const lines = brokenLines(entry.label, LEGEND_LETTERS);
    const width = LEGEND_MARK + max(lines.map(({ length }) => length)) * LETTER_WIDTH + LEGEND_GAP;
    if (x > 0 && x + width - LEGEND_GAP > PLOT_WIDTH) {
      x = 0;
      line++;
    }
    const y = line * LEGEND_LINE + 7;
    const place = { ...entry, text: lines.join('\n'), x: x + 5, y, middle: y + ((lines.length - 1) * FONT_SIZE) / 2 };
    line += lines.length - 1;
    x += width;
    return place;
  });
  if (entries.length === 0) return { svg: '', height: 0 };
  const text = { x: 'x', y: 'middle', text: 'text', textAnchor: 'start', dx: LEGEND_MARK - 3 } as const;
  return draw({
    ...BARE,
    width: PLOT_WIDTH,
    height: (line + 1) * LEGEND_LINE + 6,
    marks: [...entries.map((entry) => markOf([entry])), Plot.text(entries, text)],
  });
}

/** A plot in whose units things are placed freely. */
const BARE: Plot.PlotOptions = { margin: 0, axis: null, x: { type: 'identity' }, y: { type: 'identity' } };

/** @param place the entry alone, with its place */
function markOf(place: [LegendEntry & { x: number; y: number }]): Plot.Dot {
  const [{ color, symbol }] = place;
  return symbol
    ? Plot.dot(place, { x: 'x', y: 'y', stroke: color, symbol, r: 4, strokeWidth: 1.75 })
    : Plot.dot(place, { x: 'x', y: 'y', fill: color, symbol: 'square', r: 5 });
}

/** Draws with Plot. @param y place within an enclosing SVG element */
function draw(options: Plot.PlotOptions, y = 0): Drawing {
  const { document } = parseHTML('<html></html>');
  const svg = Plot.plot({ ...options, document, className: 'plot', style: { fontSize: `${FONT_SIZE}px` } });
  svg.querySelector('style')?.remove();
  for (const name of ['class', 'style', 'viewBox', 'font-size', 'font-family', 'fill']) svg.removeAttribute(name);
  if (y > 0) svg.setAttribute('y', String(y));
  return { svg: withoutForbidden(svg.outerHTML), height: Number(svg.getAttribute('height')) };
}

function declarations(series: readonly string[], quiet: string): string {
  return [...series.map((color, i) => `--series-${i + 1}: ${color};`), `--quiet: ${quiet};`].join(' ');
}
