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
 * Tables of scores and speed for booktabs. A column's best comparable score is bold, ties too, where there are several;
 * times are never: they belong to a machine, a batch size and a benchmark. Footnotes are in the caption, notes are comments.
 * Ends with a newline.
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
    `${hasIntervals ? 'Scores, below them their 95 % intervals' : 'Scores'}${models.shared}.`,
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
  const about = `Speed: medians per image, question and token; rates of whole runs${times.shared}.`;
  const tables = [...table(titles, rows, align, caption), '', plainLatex(times, about)].join('\n');
  const head = ['% \\usepackage{booktabs,graphicx}', ...notes.map((note) => `% Note: ${oneLine(note)}`)];
  if (OTHER_SCRIPTS.test(tables)) head.push(`% ${OTHER_SCRIPTS_NOTE}`);
  return [...head, tables].join('\n');
}

/** Accents and typographic signs are known to every LaTeX, with UTF-8 as its input. */
const OTHER_SCRIPTS = /[^\p{ASCII}\p{Script=Latin}\u2013-\u2026]/u;
const OTHER_SCRIPTS_NOTE =
  'Compile with LuaLaTeX or XeLaTeX and a font that has the names\u2019 characters: pdfLaTeX has not.';

/** A table for booktabs whose texts show as they are. Ends with a newline. */
export function plainLatex({ titles, lines, align }: PlainTable, caption: string): string {
  const rows = lines.map((line) => row(line.map((cell) => (cell === '-' ? NONE : escapeLatex(cell)))));
  return `${table(titles, rows, align, caption).join('\n')}\n`;
}

/** Text that LaTeX sets as it is, in a table's cell too. Source: LaTeX2e reference manual, "Reserved characters". */
export function escapeLatex(text: string): string {
  return oneLine(text)
    .replace(/[\\{}&%$#_~^<>|[\]*"]|'(?=')|`/g, (character) => LATEX[character] ?? `\\${character}`)
    .replace(/-(?=-)/g, '-{}');
}

const LATEX: Record<string, string> = {
  '\\': '\\textbackslash{}',
  '~': '\\textasciitilde{}',
  '^': '\\textasciicircum{}',
  // Other glyphs in the OT1 encoding, which is the default.
  '<': '\\textless{}',
  '>': '\\textgreater{}',
  '|': '\\textbar{}',
  // After the end of a row they would be its options.
  '[': '{[}',
  ']': '{]}',
  '*': '{*}',
  // Would be a closing one; the typewriter font's is straight.
  '"': '{\\ttfamily\\char34}',
  // Would be one sign with what follows, as two hyphens would.
  "'": "'{}",
  '`': '{`}',
};

/** A line's end would end a comment, or be a paragraph. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ');
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** What a caption says once where all rows have the same. */
const SHAREABLE = ['precision', 'device'];

/** A table without the columns that are the same in all rows, and these for the caption: ", precision fp32, device cpu". */
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

/** As wide as it is, but no wider than the text. */
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

/** A title in lines, so that a column of numbers is not as wide as its title. */
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

/** The scores of a model, their intervals if there are some, what is published if anything is. */
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

/** Without the columns that the table has not. */
function publishedCells(published: readonly string[], columns: number, scores: number): string[] {
  const texts = [...published.slice(0, columns), ...published.slice(published.length - scores)];
  return texts.map((text) => (text === NONE ? NONE : escapeLatex(text)));
}

function scoreText({ text, comparable }: ReportScore, best: string | null): string {
  return `${comparable && text === best ? `\\textbf{${text}}` : text}${comparable ? '' : '$^{*}$'}`;
}
