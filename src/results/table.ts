import { getBorderCharacters, table } from 'table';

export type Align = 'left' | 'right';

/** A table before any markup: texts are as they came from checkpoints and annotations. */
export interface PlainTable {
  titles: string[];
  align: Align[];
  lines: string[][];
}

/**
 * A plain-text table: a header line, a rule, the rows; columns two spaces apart. Without colours, so that it is the same
 * in a file. Ends without a newline.
 */
export function renderTable(headers: readonly string[], rows: readonly string[][], align: readonly Align[]): string {
  const lines = [headers, ...rows].map((row) => row.map(printable));
  const text = table(lines, {
    border: { ...getBorderCharacters('void'), joinBody: '-' },
    columns: align.map((alignment, i) => ({ alignment, paddingLeft: 0, paddingRight: i < align.length - 1 ? 2 : 0 })),
    drawHorizontalLine: (line) => line === 1,
  });
  return text.replace(/ +$/gm, '').trimEnd();
}

/** Names come from files of others: control characters could rewrite the terminal. */
function printable(cell: string): string {
  return cell.replace(/\p{Cc}+/gu, ' ');
}
