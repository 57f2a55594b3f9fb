import { messageOf, UserError } from './errors.js';

const MAX_DEPTH = 500; // no file of llavahr or a benchmark has more than ten

/**
 * JSON.parse for untrusted files. It limits the depth, so that recursive functions can process the result: JSON.parse accepts
 * any depth, but JSON.stringify overflows the stack at a few thousand levels.
 * @throws Error if the text is not valid JSON or is nested more than 500 levels deep
 */
export function parseJson(text: string): unknown {
  if (text.length > MAX_DEPTH && isTooDeep(text)) throw new Error(`it is nested more than ${MAX_DEPTH} levels deep`);
  return JSON.parse(text);
}

/** A JSON string, or one of the non-JSON numbers that Python's json.dump writes. */
const STRING_OR_NAN = /"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g;

/**
 * `parseJson` for files written by Python: NaN and infinities, which json.dump writes, become null.
 * @throws Error like `parseJson`
 */
export function parsePythonJson(text: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    if (!text.includes('NaN') && !text.includes('Infinity')) throw error;
    return parseJson(text.replace(STRING_OR_NAN, (token) => (token.startsWith('"') ? token : 'null')));
  }
}

/**
 * `parsePythonJson` for files of the user's.
 * @param where names the document or record in the error
 * @throws UserError when the text is not JSON
 */
export function parseJsonAt(text: string, where: string): unknown {
  try {
    return parsePythonJson(text);
  } catch (error) {
    throw new UserError(`${where} is not JSON: ${messageOf(error)}`, { cause: error });
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

/** Index of the quotation mark that ends a string, or the text's length. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return end;
  }
  return text.length;
}
