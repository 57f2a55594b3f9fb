import { pyStrip } from './python-strings.js';

/* Conversions of numbers that behave like Python's, so that scores equal those of the official Python scorers. */

const DECIMAL = /^[+-]?(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:[eE][+-]?\d+(?:_\d+)*)?$/;
const INFINITE = /^[+-]?inf(?:inity)?$/i;
const NOT_A_NUMBER = /^[+-]?nan$/i;
/** isspace() of C. */
const C_SPACES = ' \t\n\v\f\r';
const DIGIT = /\p{Nd}/gu;

/**
 * `float(text)`: unlike `Number`, it takes white space around the number, digits of any script, underscores between digits,
 * "inf" and "nan", but no hexadecimal numbers and no empty text.
 * @returns null where Python raises ValueError
 */
export function pyFloat(text: string): number | null {
  // In ASCII text the C library skips spaces, which has no \x1c to \x1f; in other text every space of Unicode is one.
  const isAscii = Buffer.byteLength(text) === text.length;
  const stripped = pyStrip(text, isAscii ? C_SPACES : undefined);
  const number = stripped.replace(DIGIT, (digit) => (digit <= '9' ? digit : asciiDigit(digit)));
  if (DECIMAL.test(number)) return Number(number.replaceAll('_', ''));
  if (INFINITE.test(number)) return number.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return NOT_A_NUMBER.test(number) ? Number.NaN : null;
}

/** The five series of mathematical digits, the only ones without a gap before them. */
const MATHEMATICAL_ZERO = 0x1d7ce;

function asciiDigit(digit: string): string {
  const code = digit.codePointAt(0)!;
  if (code >= MATHEMATICAL_ZERO && code < MATHEMATICAL_ZERO + 50) return String((code - MATHEMATICAL_ZERO) % 10);
  let value = 0; // digits of a script follow each other, from zero on
  while (value < 9 && /^\p{Nd}$/u.test(String.fromCodePoint(code - value - 1))) value++;
  return String(value);
}

/** `round(number, 2)`: to the nearest, and to the even digit where the binary number lies exactly in the middle. */
export function pyRound2(number: number): number {
  if (!Number.isFinite(number) || Math.abs(number) >= 2 ** 52) return number;
  const isTie = Number.isInteger(number * 8) && Math.abs(number * 8) % 2 === 1; // only eighths end in exactly 5 thousandths
  if (!isTie) return Number(number.toFixed(2));
  const hundredths = Math.floor(number * 100);
  return (hundredths % 2 === 0 ? hundredths : hundredths + 1) / 100;
}
