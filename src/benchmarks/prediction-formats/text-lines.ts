import { createReadStream } from 'node:fs';
import { messageOf, UserError } from '../../shared/errors.js';

const CHUNK_BYTES = 1 << 20;
const MAX_LINE_CHARACTERS = 1 << 26; // no answer comes near; a file without newlines must not fill the memory

/** A line that is not blank, and its number from 1. */
export interface TextLine {
  text: string;
  number: number;
}

/**
 * The lines of a text file that are not blank, as a stream. Only "\n" ends a line: answers may hold U+2028, which
 * node:readline would split at.
 * @throws UserError when the file cannot be read
 */
export async function* textLines(path: string): AsyncGenerator<TextLine> {
  let rest = '';
  let number = 0;
  try {
    for await (const chunk of createReadStream(path, { encoding: 'utf8', highWaterMark: CHUNK_BYTES })) {
      const isStart = number === 0 && rest === '';
      const lines = (rest + (isStart ? withoutMark(chunk) : chunk)).split('\n');
      rest = lines.pop()!;
      for (const text of lines) {
        number++;
        if (text.trim() !== '') yield { text, number };
      }
      if (rest.length > MAX_LINE_CHARACTERS) {
        throw new UserError(`${path}, line ${number + 1} is longer than ${MAX_LINE_CHARACTERS} characters.`);
      }
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${path} cannot be read: ${messageOf(error)}`, { cause: error });
  }
  if (rest.trim() !== '') yield { text: rest, number: number + 1 };
}

/** Without the byte order mark that some editors put before the first character. */
export function withoutMark(text: string): string {
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}
