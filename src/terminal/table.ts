import { max } from 'simple-statistics';
import stringWidth from 'string-width';
import { getBorderCharacters, table } from 'table';
import { visibleLine } from '../shared/visible-text.js';
import { heading, terminalWidth } from './style.js';

export type Align = 'left' | 'right';

/** A table before any markup, with unescaped text from checkpoints and annotations. */
export interface PlainTable {
  titles: string[];
  align: Align[];
  lines: string[][];
}

interface Column {
  at: number;
  alignment: Align;
  /** Lines of the title. */
  title: string[];
  width: number;
}

/** Spaces between columns. */
const GAP = 2;
/** Extra width tolerated to break a title just before its unit. */
const UNIT_PREFERENCE = 1.5;
/** Minimum width of a wrapped text column. */
const NARROWEST_TEXT = 24;
/** Titles are broken into two lines only if the table shrinks to at most this share of its width. */
const WORTH_BREAKING = 0.9;
/** Tables that fit into this width keep their titles on one line. */
const USUAL_WIDTH = 80;

/**
 * A plain-text table: titles, a rule, rows; columns are two spaces apart. Ends without a newline. A wide table breaks titles
 * into two lines if that saves enough. A table wider than the terminal wraps its text columns and, if that is not enough,
 * continues its columns below.
 * @param options.keys number of leading columns that identify a row; they are repeated before continued columns
 * @param options.width width of the terminal in characters
 */
export function renderTable(
  titles: readonly string[],
  rows: readonly string[][],
  align: readonly Align[],
  { keys = 1, width = terminalWidth }: { keys?: number; width?: number } = {},
): string {
  const body = rows.map((row) => row.map(visibleLine));
  const columnsWith = (titleLines: (title: string, entries: number) => string[]): Column[] =>
    align.map((alignment, at) => {
      const entries = max([1, ...body.map((row) => stringWidth(row[at]!))]);
      const title = titleLines(visibleLine(titles[at]!), entries);
      return { at, alignment, title, width: max([entries, ...title.map((line) => stringWidth(line))]) };
    });
  const plain = columnsWith((title) => [title]);
  const broken = columnsWith(inTwoLines);
  const isWorthIt = widthOf(plain) > USUAL_WIDTH && widthOf(broken) <= WORTH_BREAKING * widthOf(plain);
  const natural = isWorthIt ? broken : plain;
  const isText = ({ at, alignment }: Column) => alignment === 'left' && body.some((row) => row[at]!.includes(' '));
  const fit = (columns: readonly Column[]) => folded(columns, isText, width);
  const unfolded = parts(fit(natural), keys, width).map((part) => part.map(({ at }) => natural[at]!));
  return unfolded.map((part) => draw(fit(part), body)).join('\n\n');
}

/** Keeps a title on one line if the column is wide enough; otherwise breaks it where both lines are short, ideally before its unit. */
function inTwoLines(title: string, width: number): string[] {
  if (stringWidth(title) <= width) return [title];
  const broken = Array.from(title.matchAll(/ /g), ({ index }) => [title.slice(0, index), title.slice(index + 1)]);
  const lengthOf = ([above, below]: string[]) =>
    Math.max(stringWidth(above!), stringWidth(below!)) - (below!.startsWith('(') ? UNIT_PREFERENCE : 0);
  return broken.sort((a, b) => lengthOf(a) - lengthOf(b))[0] ?? [title];
}

function widthOf(columns: readonly Column[]): number {
  return columns.reduce((total, column) => total + column.width + GAP, -GAP);
}

/** Narrows the widest text columns until the table fits. */
function folded(columns: readonly Column[], isText: (column: Column) => boolean, width: number): Column[] {
  const excess = widthOf(columns) - width;
  const widest = columns
    .filter((column) => column.width > NARROWEST_TEXT && isText(column))
    .sort((a, b) => b.width - a.width)[0];
  if (excess <= 0 || !widest) return [...columns];
  const narrower = { ...widest, width: Math.max(NARROWEST_TEXT, widest.width - excess) };
  return folded(
    columns.map((column) => (column === widest ? narrower : column)),
    isText,
    width,
  );
}

/** Splits columns into groups that fit, each with the keys. A column without a title stays next to the previous one. */
function parts(columns: readonly Column[], keys: number, width: number): Column[][] {
  if (widthOf(columns) <= width) return [[...columns]];
  const repeated = columns.slice(0, keys);
  const groups: Column[][] = [];
  for (const column of columns.slice(keys)) {
    if (column.title[0] === '' && groups.length > 0) groups.at(-1)!.push(column);
    else groups.push([column]);
  }
  const fitting: Column[][] = [];
  for (const group of groups) {
    const last = fitting.at(-1);
    if (last && widthOf([...last, ...group]) <= width) fitting[fitting.length - 1] = [...last, ...group];
    else fitting.push([...repeated, ...group]);
  }
  return fitting;
}

function draw(columns: readonly Column[], body: readonly string[][]): string {
  const height = max(columns.map(({ title }) => title.length));
  const above = (title: string[]): string[] => Array.from({ length: height - title.length }, () => '');
  const text = table(
    [
      columns.map(({ title }) => [...above(title), ...title].join('\n')),
      ...body.map((row) => columns.map(({ at }) => row[at]!)),
    ],
    {
      border: { ...getBorderCharacters('void'), joinBody: '-' },
      columns: columns.map(({ alignment, width }, i) => ({
        alignment,
        width,
        wrapWord: true,
        paddingLeft: 0,
        paddingRight: i < columns.length - 1 ? GAP : 0,
      })),
      drawHorizontalLine: (line) => line === 1,
    },
  );
  const lines = text.replace(/ +$/gm, '').trimEnd().split('\n');
  return lines.map((line, i) => (i < height ? heading(line) : line)).join('\n');
}
