import { stripVTControlCharacters } from 'node:util';
import { environmentValue } from './environment.js';

/** Columns assumed for prose whose terminal does not report a width. */
export const USUAL_WIDTH = 80;

/**
 * Columns of a stream: those of its terminal, or `COLUMNS` if it is exported. Infinity for files and pipes, whose lines are
 * never broken, so that `grep` finds whole lines.
 */
export function columnsOf(stream: { isTTY?: boolean; columns?: number }): number {
  const requested = Number(environmentValue('COLUMNS'));
  if (Number.isInteger(requested) && requested > 0) return requested;
  return stream.isTTY === true && stream.columns !== undefined && stream.columns > 0
    ? stream.columns
    : Number.POSITIVE_INFINITY;
}

/**
 * Breaks each line of a text between words, so that it fits into `width` columns. Continuation lines keep the line's
 * indentation. Words longer than a line, such as paths, and commands in backticks stay whole: they are there to be copied.
 */
export function wrapText(text: string, width: number): string {
  if (!Number.isFinite(width)) return text;
  return text
    .split('\n')
    .map((line) => wrapLine(line, width))
    .join('\n');
}

function wrapLine(line: string, width: number): string {
  if (lengthOf(line) <= width) return line;
  const indent = /^ */.exec(line)![0];
  const lines: string[] = [];
  let current = indent;
  for (const [gap, word] of wordsOf(line.slice(indent.length))) {
    if (current === indent) current += word;
    else if (lengthOf(current + gap + word) <= width) current += gap + word;
    else {
      lines.push(current);
      current = indent + word;
    }
  }
  return [...lines, current].join('\n');
}

/** Words, each with the spaces before it. */
function wordsOf(text: string): [gap: string, word: string][] {
  return [...text.matchAll(/( *)((?:`[^`]*`|[^ `]|`)+)/g)].map(([, gap, word]) => [gap!, word!]);
}

/** Characters that take up a column: colours do not. */
function lengthOf(text: string): number {
  return stripVTControlCharacters(text).length;
}
