/**
 * String methods with the results of Python's `str`, where JavaScript's differ. The official scorers are Python, and
 * a score must not depend on the language. `str.lower` is not here: `toLowerCase` gives the same text, final sigma
 * included, but for letters that only the newer of the two Unicode editions has.
 */

// str.isspace. Unlike \s: with the separators U+001C to U+001F and U+0085, without U+FEFF. Source: CPython 3.11.
const SPACE = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const ONE_SPACE = new RegExp(`[${SPACE}]`);
const LEADING_SPACES = new RegExp(`^[${SPACE}]+`);
const SPACES = new RegExp(`[${SPACE}]+`);

/** `str.strip()`: the text without white space at its ends. */
export function pyStrip(text: string): string {
  return pyLstrip(pyRstrip(text));
}

/** `str.lstrip()`: the text without white space at its start. */
export function pyLstrip(text: string): string {
  return text.replace(LEADING_SPACES, '');
}

/** `str.rstrip()`: the text without white space at its end. */
export function pyRstrip(text: string): string {
  let end = text.length; // a loop: /[...]+$/ would take quadratic time on long spaces inside the text
  while (end > 0 && ONE_SPACE.test(text[end - 1]!)) end--;
  return text.slice(0, end);
}

/** `str.split()`: the words between white space; none if there is nothing else. */
export function pySplit(text: string): string[] {
  return text.split(SPACES).filter((word) => word !== '');
}

/** `str.capitalize()` as of Python 3.8: the first character in title case, the others in lower case. */
export function pyCapitalize(text: string): string {
  const [first] = text;
  if (first === undefined) return '';
  // The whole text is lowered, not only the rest: whether a sigma is final depends on the letter before it.
  return titleCase(first) + text.toLowerCase().slice(first.toLowerCase().length);
}

const TITLE_CASE_DIGRAPHS = new Map([
  ['\u01c4', '\u01c5'], // DŽ
  ['\u01c7', '\u01c8'], // LJ
  ['\u01ca', '\u01cb'], // NJ
  ['\u01f1', '\u01f2'], // DZ
]);

/** The title case of one character: its upper case, with the exceptions of Unicode's UnicodeData and SpecialCasing. */
function titleCase(character: string): string {
  const upper = character.toUpperCase();
  const isGeorgian = /[\u10d0-\u10ff]/.test(character); // its capitals are for words all in capitals
  if (isGeorgian) return character;
  const isLigature = /[\u00df\u0587\ufb00-\ufb17]/.test(character);
  if (isLigature) return upper[0] + upper.slice(1).toLowerCase();
  const iota = '\u0345'; // Greek: upper case writes the iota beside the letter, title case below it
  if (character !== iota && character.normalize('NFD').includes(iota)) {
    const title = upper.slice(0, -1) + iota;
    return title.length === 2 ? title.normalize('NFC') : title;
  }
  return TITLE_CASE_DIGRAPHS.get(upper) ?? upper;
}
