/*
 * Emphasis for people at a terminal. It only ever repeats what the words say. Off when stdout is not a terminal, so that
 * files and pipes get plain text, and with NO_COLOR (no-color.org).
 */

const isStyled = process.stdout.isTTY === true && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb';

export const heading = style(1, 22); // bold
export const better = style(32, 39); // green
export const worse = style(31, 39); // red
export const noteMark = style(33, 39); // yellow

/** Select Graphic Rendition, ECMA-48 8.3.117. */
function style(on: number, off: number): (text: string) => string {
  return (text) => (isStyled ? `\x1b[${on}m${text}\x1b[${off}m` : text);
}

/** Characters in a line; without end where stdout is not a terminal, or one that does not say. */
export const terminalWidth =
  process.stdout.isTTY === true && process.stdout.columns > 0 ? process.stdout.columns : Number.POSITIVE_INFINITY;
