import { environmentValue } from '../shared/environment.js';
import { columnsOf } from '../shared/wrap-text.js';

/*
 * Colours and bold for terminals. They only repeat what the words say. Off when stdout is not a terminal, so that files
 * and pipes get plain text, and with NO_COLOR (no-color.org).
 */

const isStyled =
  process.stdout.isTTY === true && environmentValue('NO_COLOR') === undefined && environmentValue('TERM') !== 'dumb';

export const heading = style(1, 22); // bold
export const better = style(32, 39); // green
export const worse = style(31, 39); // red
export const noteMark = style(33, 39); // yellow

/** Select Graphic Rendition, ECMA-48 8.3.117. */
function style(on: number, off: number): (text: string) => string {
  return (text) => (isStyled ? `\x1b[${on}m${text}\x1b[${off}m` : text);
}

/** Columns of stdout; Infinity if it is a file or a pipe. */
export const terminalWidth = columnsOf(process.stdout);
