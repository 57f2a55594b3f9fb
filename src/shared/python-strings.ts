/**
 * String methods that behave like Python's `str` where JavaScript differs, so that scores equal those of the official
 * Python scorers. `str.lower` is not included: `toLowerCase` gives the same result, including final sigma, except for
 * letters added in the newer of the two Unicode versions.
 */

// str.isspace: unlike \s, includes the separators U+001C to U+001F and U+0085 and excludes U+FEFF. Source: CPython
// 3.11.
const SPACE = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const ONE_SPACE = new RegExp(`[${SPACE}]`);
const SPACES = new RegExp(`[${SPACE}]+`);

/** The characters of `string.punctuation`. */
const PUNCTUATION = /[!"#$%&'()*+,\-./:;<=>?@[\\\]^_`{|}~]/g;

/** `str.strip(characters)`: removes these characters, by default white space, at both ends. */
export function pyStrip(text: string, characters?: string): string {
  return pyLstrip(pyRstrip(text, characters), characters);
}

/** `str.lstrip(characters)`: removes these characters, by default white space, at the start. */
export function pyLstrip(text: string, characters?: string): string {
  let start = 0;
  while (start < text.length && isOneOf(text[start]!, characters)) start++;
  return text.slice(start);
}

/** `str.rstrip(characters)`: removes these characters, by default white space, at the end. */
export function pyRstrip(text: string, characters?: string): string {
  let end = text.length; // a loop: /[...]+$/ would take quadratic time on long spaces inside the text
  while (end > 0 && isOneOf(text[end - 1]!, characters)) end--;
  return text.slice(0, end);
}

/** @param characters none of which takes two units in UTF-16 */
function isOneOf(character: string, characters: string | undefined): boolean {
  return characters === undefined ? ONE_SPACE.test(character) : characters.includes(character);
}

/** Lower-case text without ASCII punctuation, as several official scripts compare it. */
export function lowerWithoutPunctuation(text: string): string {
  return text.toLowerCase().replace(PUNCTUATION, '');
}

/** `str.split()`: the words between white space; empty for a blank string. */
export function pySplit(text: string): string[] {
  return text.split(SPACES).filter((word) => word !== '');
}

/** `str.capitalize()` as of Python 3.8: the first character in title case, the others in lower case. */
export function pyCapitalize(text: string): string {
  const [first] = text;
  if (first === undefined) return '';
  // Lower-case the whole text, not only the rest: whether a sigma is final depends on the letter before it.
  return titleCase(first) + text.toLowerCase().slice(first.toLowerCase().length);
}

const TITLE_CASE_DIGRAPHS = new Map([
  ['\u01c4', '\u01c5'], // DŽ
  ['\u01c7', '\u01c8'], // LJ
  ['\u01ca', '\u01cb'], // NJ
  ['\u01f1', '\u01f2'], // DZ
]);

/** The title case of one character: its upper case, except for those in Unicode's UnicodeData and SpecialCasing. */
function titleCase(character: string): string {
  const upper = character.toUpperCase();
  const isGeorgian = /[\u10d0-\u10ff]/.test(character); // Georgian capitals are only used in all-caps words
  if (isGeorgian) return character;
  const isLigature = /[\u00df\u0587\ufb00-\ufb17]/.test(character);
  if (isLigature) return upper[0] + upper.slice(1).toLowerCase();
  const iota = '\u0345'; // Greek: the iota is written after the letter in upper case, below it in title case
  if (character !== iota && character.normalize('NFD').includes(iota)) {
    const title = upper.slice(0, -1) + iota;
    return title.length === 2 ? title.normalize('NFC') : title;
  }
  return TITLE_CASE_DIGRAPHS.get(upper) ?? upper;
}
