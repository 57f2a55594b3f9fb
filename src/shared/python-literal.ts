/** Escape sequences of one character after the backslash. */
const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
  '\n': '',
};
/** Number of hexadecimal digits of the other ones. */
const CODE_DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

/**
 * Reads a Python list as `repr` writes it, such as "['a', \"it's\", 2]", which datasets store in text columns. Strings are
 * unescaped, numbers and names (None, True) are kept as they are written. Nothing is evaluated.
 * @returns null when the text is no such list
 */
export function parsePythonList(text: string): string[] | null {
  const source = text.trim();
  if (!source.startsWith('[') || !source.endsWith(']')) return null;
  const items: string[] = [];
  let at = skipSpace(source, 1);
  while (at < source.length - 1) {
    const item = readItem(source, at);
    if (item === null) return null;
    items.push(item.value);
    at = skipSpace(source, item.end);
    if (at === source.length - 1) break;
    if (source[at] !== ',') return null;
    at = skipSpace(source, at + 1);
  }
  return at === source.length - 1 ? items : null;
}

interface Item {
  value: string;
  /** Position behind the item. */
  end: number;
}

function readItem(source: string, start: number): Item | null {
  const quote = source[start];
  if (quote === "'" || quote === '"') return readString(source, start + 1, quote);
  const bare = /[^\s,\]['"]+/y;
  bare.lastIndex = start;
  const value = bare.exec(source)?.[0];
  return value === undefined ? null : { value, end: bare.lastIndex };
}

function readString(source: string, start: number, quote: string): Item | null {
  let value = '';
  for (let at = start; at < source.length; at++) {
    const character = source[at]!;
    if (character === quote) return { value, end: at + 1 };
    if (character !== '\\') {
      value += character;
      continue;
    }
    const kind = source[++at] ?? '';
    const digits = CODE_DIGITS[kind];
    if (digits === undefined) {
      value += ESCAPES[kind] ?? `\\${kind}`;
      continue;
    }
    const code = Number.parseInt(source.slice(at + 1, at + 1 + digits), 16);
    if (!(code <= 0x10ffff)) return null;
    value += String.fromCodePoint(code);
    at += digits;
  }
  return null;
}

function skipSpace(source: string, start: number): number {
  let at = start;
  while (/\s/.test(source[at] ?? '')) at++;
  return at;
}
