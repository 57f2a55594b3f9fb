import { markdownTable } from 'markdown-table';
import { visibleLine } from '../../shared/visible-text.js';
import type { Align, PlainTable } from '../../terminal/table.js';
import { NOT_COMPARABLE, publishedLine, type ReportLayout, type ReportScore, type ScoreLine } from './report-layout.js';

/** GitHub-flavoured Markdown tables of scores and speed, followed by notes. Ends with a newline. */
export function markdownReport({ scores, speed, footnotes, notes }: ReportLayout): string {
  const marked = scores.lines.some(({ cells }) => cells.flat().some(({ comparable }) => !comparable));
  const parts = [
    table(scores.titles, scores.lines.flatMap(scoreRows), scores.align),
    'Scores with 95 % intervals; - means no score.',
    ...(marked ? [`\\* ${NOT_COMPARABLE}`] : []),
    ...footnotes.map(escapeMarkdown),
    plainMarkdown(speed),
    ...(notes.length > 0 ? [notes.map((note) => `- ${escapeMarkdown(note)}`).join('\n')] : []),
  ];
  return `${parts.join('\n\n')}\n`;
}

/** Escapes text so that it shows literally, in table cells too: no markup, no HTML, one line. Source: CommonMark 2.4, GFM tables. */
export function escapeMarkdown(text: string): string {
  return visibleLine(text).replace(/[\\`*_[\]<>|~&!#]/g, '\\$&');
}

/** A table with all text escaped. Ends without a newline. */
export function plainMarkdown({ titles, lines, align }: PlainTable): string {
  return table(
    titles,
    lines.map((line) => line.map(escapeMarkdown)),
    align,
  );
}

function table(titles: readonly string[], lines: readonly string[][], align: readonly Align[]): string {
  return markdownTable([titles.map(escapeMarkdown), ...lines], { align: [...align] });
}

function scoreRows(line: ScoreLine): string[][] {
  const published = publishedLine(line, '-');
  return [scoreCells(line), ...(published ? [published.map(escapeMarkdown)] : [])];
}

function scoreCells({ model, cells }: ScoreLine): string[] {
  return [...model.map(escapeMarkdown), ...cells.map((cell) => cell.map(scoreText).join(' / ') || '-')];
}

function scoreText({ text, interval, comparable }: ReportScore): string {
  return `${text}${comparable ? '' : '\\*'}${interval === null ? '' : ` ${interval}`}`;
}
