import { visibleLine } from '../../shared/visible-text.js';
import type { Align, PlainTable } from '../../terminal/table.js';
import {
  bestTexts,
  NOT_COMPARABLE,
  publishedLine,
  type ReportLayout,
  type ReportScore,
  type ScoreLine,
} from './report-layout.js';

/**
 * Tables of scores and speed for booktabs. The best of several comparable scores in a column is bold, including ties; times
 * are never bold, since they depend on machine, batch size and benchmark. Footnotes go into the caption, notes into
 * comments. Ends with a newline.
 */
export function latexReport({ scores, speed, footnotes, notes }: ReportLayout): string {
  const marked = scores.lines.some(({ cells }) => cells.flat().some(({ comparable }) => !comparable));
  const marks = [...(marked ? [`* ${NOT_COMPARABLE}`] : []), ...footnotes.map(capitalised)];
  const models = withoutShared({
    titles: scores.titles.slice(0, scores.titles.length - (scores.lines[0]?.cells.length ?? 0)),
    lines: scores.lines.map(({ model }) => model),
    align: scores.align,
  });
  const lines = scores.lines.map((line, i) => ({ ...line, model: models.lines[i]! }));
  const hasIntervals = scores.lines.some(({ cells }) => cells.flat().some(({ interval }) => interval !== null));
  const caption = [
    `${hasIntervals ? 'Scores with 95 % intervals below' : 'Scores'}${models.shared}.`,
    ...marks.map((mark) => `${mark}.`),
  ].join(' ');
  const titles = [...models.titles, ...scores.titles.slice(scores.titles.length - (lines[0]?.cells.length ?? 0))];
  const align = [...models.align, ...titles.slice(models.align.length).map((): Align => 'right')];
  const best = bestTexts(scores);
  const rows = lines.flatMap((line, i) => [
    ...(hasIntervals && i > 0 ? ['\\addlinespace'] : []),
    ...scoreRows(line, scores.lines[i]!, best),
  ]);
  const times = withoutShared(speed);
  const about = `Speed: medians per image, question and token; rates over whole runs${times.shared}.`;
  const tables = [...table(titles, rows, align, caption), '', plainLatex(times, about)].join('\n');
  return withHead(tables, notes);
}

/** A file of one booktabs table with all text escaped; notes are comments. Ends with a newline. */
export function latexFile(table: PlainTable, caption: string, notes: readonly string[] = []): string {
  return withHead(plainLatex(table, caption), notes);
}

/** Puts comments before tables: what they need to compile, and notes. */
function withHead(tables: string, notes: readonly string[]): string {
  const head = ['% \\usepackage{booktabs,graphicx}', ...notes.map((note) => `% Note: ${visibleLine(note)}`)];
  if (OTHER_SCRIPTS.test(tables)) head.push(`% ${OTHER_SCRIPTS_NOTE}`);
  return [...head, tables].join('\n');
}

/** Characters beyond accents and typographic signs, which every LaTeX with UTF-8 input supports. */
const OTHER_SCRIPTS = /[^\p{ASCII}\p{Script=Latin}\u2013-\u2026]/u;
const OTHER_SCRIPTS_NOTE =
  'Compile with LuaLaTeX or XeLaTeX and a font that covers the names\u2019 characters: pdfLaTeX does not.';

/** A booktabs table with all text escaped. Ends with a newline. */
function plainLatex({ titles, lines, align }: PlainTable, caption: string): string {
  const rows = lines.map((line) => row(line.map((cell) => (cell === '-' ? NONE : escapeLatex(cell)))));
  return `${table(titles, rows, align, caption).join('\n')}\n`;
}

/** Escapes text so that LaTeX prints it literally, in table cells too. Source: LaTeX2e reference manual, "Reserved characters". */
export function escapeLatex(text: string): string {
  return visibleLine(text)
    .replace(/[\\{}&%$#_~^<>|[\]*"]|'(?=')|`/g, (character) => LATEX[character] ?? `\\${character}`)
    .replace(/-(?=-)/g, '-{}');
}

const LATEX: Record<string, string> = {
  '\\': '\\textbackslash{}',
  '~': '\\textasciitilde{}',
  '^': '\\textasciicircum{}',
  // Printed as other glyphs in OT1, the default encoding.
  '<': '\\textless{}',
  '>': '\\textgreater{}',
  '|': '\\textbar{}',
  // At the start of a row they would be options of the previous row's end.
  '[': '{[}',
  ']': '{]}',
  '*': '{*}',
  // Would become a closing quote; the typewriter font has a straight one.
  '"': '{\\ttfamily\\char34}',
  // Would form a ligature with the next one, as two hyphens would.
  "'": "'{}",
  '`': '{`}',
};

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Columns that move to the caption if all rows share the value. */
const SHAREABLE = ['precision', 'device'];

/** Removes columns whose value is the same in all rows; `shared` has them for the caption: ", precision fp32, device cpu". */
function withoutShared({ titles, lines, align }: PlainTable): PlainTable & { shared: string } {
  const isShared = titles.map(
    (title, i) => SHAREABLE.includes(title) && lines.every((line) => line[i] === lines[0]![i]),
  );
  const kept = <T>(list: readonly T[]): T[] => list.filter((_, i) => i >= titles.length || !isShared[i]);
  return {
    titles: kept(titles),
    lines: lines.map(kept),
    align: kept(align.slice(0, titles.length)),
    shared: titles.map((title, i) => (isShared[i] ? `, ${title} ${lines[0]![i]}` : '')).join(''),
  };
}

/** Natural width, but no wider than the text. */
const FITTED = '\\resizebox{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}{!}{%';

function table(titles: readonly string[], rows: readonly string[], align: readonly Align[], caption: string): string[] {
  return [
    '\\begin{table}',
    '  \\centering',
    `  \\caption{${escapeLatex(caption)}}`,
    '  \\medskip',
    `  ${FITTED}`,
    `  \\begin{tabular}{${align.map((side) => side[0]).join('')}}`,
    '    \\toprule',
    `    ${row(titles.map((title, i) => headText(title, align[i]!)))}`,
    '    \\midrule',
    ...rows.map((line) => `    ${line}`),
    '    \\bottomrule',
    '  \\end{tabular}}',
    '\\end{table}',
  ];
}

function row(cells: readonly string[]): string {
  return `${cells.join(' & ')} \\\\`;
}

const HEAD_WIDTH = 10; // characters, about as wide as an interval

/** Breaks a title into lines, so that it does not widen a column of numbers. */
function headText(title: string, align: Align): string {
  const lines: string[] = [];
  for (const word of title.split(' ')) {
    const longer = `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && longer.length <= HEAD_WIDTH) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  const texts = lines.map(escapeLatex);
  return texts.length === 1 ? texts[0]! : `\\begin{tabular}[b]{@{}${align[0]}@{}}${texts.join(' \\\\ ')}\\end{tabular}`;
}

const NONE = '--';

/** Rows of a model: scores, then intervals and published scores if there are any. */
function scoreRows({ model, cells }: ScoreLine, whole: ScoreLine, best: readonly (string | null)[]): string[] {
  const names = model.map(escapeLatex);
  const values = cells.map((cell, i) => cell.map((score) => scoreText(score, best[i] ?? null)).join(' / ') || NONE);
  const intervals = cells.map((cell) => {
    const text = cell.map(({ interval }) => interval ?? NONE).join(' / ');
    return cell.some(({ interval }) => interval !== null) ? `{\\scriptsize ${text}}` : '';
  });
  const published = publishedLine(whole, NONE);
  return [
    row([...names, ...values]),
    ...(intervals.some((text) => text !== '') ? [row([...names.map(() => ''), ...intervals])] : []),
    ...(published ? [row(publishedCells(published, model.length, cells.length))] : []),
  ];
}

/** Removes cells of columns that are not in the table. */
function publishedCells(published: readonly string[], columns: number, scores: number): string[] {
  const texts = [...published.slice(0, columns), ...published.slice(published.length - scores)];
  return texts.map((text) => (text === NONE ? NONE : escapeLatex(text)));
}

function scoreText({ text, comparable }: ReportScore, best: string | null): string {
  return `${comparable && text === best ? `\\textbf{${text}}` : text}${comparable ? '' : '$^{*}$'}`;
}
