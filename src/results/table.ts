import { getBorderCharacters, table } from 'table';
import { heading } from '../terminal-style.js';

export type Align = 'left' | 'right';

/** A table before any markup: texts are as they came from checkpoints and annotations. */
export interface PlainTable {
  titles: string[];
  align: Align[];
  lines: string[][];
}

/**
 * A plain-text table: a header line, a rule, the rows; columns two spaces apart. Ends without a newline.
 */
export function renderTable(headers: readonly string[], rows: readonly string[][], align: readonly Align[]): string {
  const lines = [headers, ...rows].map((row) => row.map(printable));
  const text = table(lines, {
    border: { ...getBorderCharacters('void'), joinBody: '-' },
    columns: align.map((alignment, i) => ({ alignment, paddingLeft: 0, paddingRight: i < align.length - 1 ? 2 : 0 })),
    drawHorizontalLine: (line) => line === 1,
  });
  const [head, ...rest] = text.replace(/ +$/gm, '').trimEnd().split('\n');
  return [heading(head!), ...rest].join('\n');
}

/** Names come from files of others: control characters could rewrite the terminal. */
export function printable(cell: string): string {
  return cell.replace(/\p{Cc}+/gu, ' ');
}
