import {
  bestTexts,
  NOT_COMPARABLE,
  publishedLine,
  type ReportLayout,
  type ReportScore,
  type ScoreLine,
} from './report-layout.js';
import type { Align, PlainTable } from './table.js';

/**
 * Tables of scores and speed for booktabs. A column's best comparable score is bold, ties too, where there are several;
 * times are never: they belong to a machine, a batch size and a benchmark. Footnotes are in the caption, notes are comments. Ends with a newline.
 */
export function latexReport({ scores, speed, footnotes, notes }: ReportLayout): string {
  const best = bestTexts(scores);
  const marked = scores.lines.some(({ cells }) => cells.flat().some(({ comparable }) => !comparable));
  const marks = [...(marked ? [`* ${NOT_COMPARABLE}`] : []), ...footnotes];
  const caption = ['Scores with their 95 % intervals.', ...marks.map((mark) => `${mark}.`)].join(' ');
  const scoreLines = scores.lines.flatMap((line) => scoreRows(line, best));
  return [
    '% \\usepackage{booktabs}',
    ...notes.map((note) => `% Note: ${oneLine(note)}`),
    ...table(scores.titles, scoreLines, scores.align, caption),
    '',
    plainLatex(speed, 'Speed: medians per image, question and token; rates of whole runs.'),
  ].join('\n');
}

/** A table for booktabs whose texts show as they are. Ends with a newline. */
export function plainLatex({ titles, lines, align }: PlainTable, caption: string): string {
  const cells = lines.map((line) => line.map(escapeLatex));
  return `${table(titles, cells, align, caption).join('\n')}\n`;
}

/** Text that LaTeX sets as it is, in a table's cell too. Source: LaTeX2e reference manual, "Reserved characters". */
export function escapeLatex(text: string): string {
  return oneLine(text).replace(/[\\{}&%$#_~^<>|[\]*'`]/g, (character) => LATEX[character] ?? `\\${character}`);
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
  // Of two they would make one.
  "'": "{'}",
  '`': '{`}',
};

/** A line's end would end a comment, or be a paragraph. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ');
}

function table(
  titles: readonly string[],
  lines: readonly string[][],
  align: readonly Align[],
  caption: string,
): string[] {
  const row = (cells: readonly string[]) => `    ${cells.join(' & ')} \\\\`;
  return [
    '\\begin{table}',
    '  \\centering',
    `  \\caption{${escapeLatex(caption)}}`,
    `  \\begin{tabular}{${align.map((side) => side[0]).join('')}}`,
    '    \\toprule',
    row(titles.map(escapeLatex)),
    '    \\midrule',
    ...lines.map(row),
    '    \\bottomrule',
    '  \\end{tabular}',
    '\\end{table}',
  ];
}

function scoreRows(line: ScoreLine, best: readonly (string | null)[]): string[][] {
  const published = publishedLine(line, '--');
  return [scoreCells(line, best), ...(published ? [published.map(escapeLatex)] : [])];
}

function scoreCells({ model, cells }: ScoreLine, best: readonly (string | null)[]): string[] {
  return [
    ...model.map(escapeLatex),
    ...cells.map((cell, i) => cell.map((score) => scoreText(score, best[i] ?? null)).join(' / ') || '--'),
  ];
}

function scoreText({ text, interval, comparable }: ReportScore, best: string | null): string {
  const value = comparable && text === best ? `\\textbf{${text}}` : text;
  return `${value}${comparable ? '' : '$^{*}$'}${interval === null ? '' : ` ${interval}`}`;
}
