const MAX_DEPTH = 500; // no file of ours or the benchmarks' has ten

/**
 * JSON.parse for files that others made. What it returns can be walked, checked and printed by functions that call
 * themselves: JSON.parse takes any depth, and JSON.stringify overflows the stack at a few thousand levels.
 * @throws Error saying what is wrong when the text is no JSON or lists and objects lie more than 500 deep
 */
export function parseJson(text: string): unknown {
  if (text.length > MAX_DEPTH && isTooDeep(text)) throw new Error(`it is nested more than ${MAX_DEPTH} levels deep`);
  return JSON.parse(text);
}

/** A JSON string, or one of the numbers that Python's json.dump writes although JSON has none of them. */
const STRING_OR_NAN = /"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g;

/**
 * `parseJson` for files that Python wrote: NaN and infinities, which its json.dump writes, become null.
 * @throws Error likewise
 */
export function parsePythonJson(text: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    if (!text.includes('NaN') && !text.includes('Infinity')) throw error;
    return parseJson(text.replace(STRING_OR_NAN, (token) => (token.startsWith('"') ? token : 'null')));
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPENING = [0x5b, 0x7b]; // [ {
const CLOSING = [0x5d, 0x7d]; // ] }

function isTooDeep(text: string): boolean {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) {
      i = endOfString(text, i);
    } else if (code === OPENING[0] || code === OPENING[1]) {
      if (++depth > MAX_DEPTH) return true;
    } else if (code === CLOSING[0] || code === CLOSING[1]) {
      depth--;
    }
  }
  return false;
}

/** Place of the quotation mark that ends a string, or the text's length. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return end;
  }
  return text.length;
}
