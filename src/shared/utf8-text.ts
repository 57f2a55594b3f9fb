import { isUtf8 } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { UserError } from './errors.js';

/*
 * Text from files is decoded strictly: Node.js replaces invalid bytes by U+FFFD, so that a file in another encoding would give
 * other prompts and scores without a word.
 */

const NEWLINE = 0x0a;

/**
 * Decodes UTF-8; a byte order mark at the start is dropped.
 * @param where names the text in the error, usually its path
 * @throws UserError naming the first line that is not UTF-8
 */
export function decodeUtf8(bytes: Buffer, where: string): string {
  checkUtf8(bytes, where, 1);
  return withoutMark(bytes.toString('utf8'));
}

/** Reads a text file like `decodeUtf8`. @throws the file system's error when it cannot be read */
export async function readUtf8(path: string): Promise<string> {
  return decodeUtf8(await readFile(path), path);
}

/** Decodes UTF-8 that arrives in chunks, which may end within a character. @throws UserError like `decodeUtf8` */
export async function* decodeUtf8Chunks(chunks: AsyncIterable<Buffer>, where: string): AsyncGenerator<string> {
  let rest: Buffer = Buffer.alloc(0);
  let line = 1;
  let isFirst = true;
  for await (const chunk of chunks) {
    const bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    const end = endOfCharacters(bytes);
    const whole = bytes.subarray(0, end);
    rest = Buffer.from(bytes.subarray(end));
    line = checkUtf8(whole, where, line);
    const text = whole.toString('utf8');
    if (text === '') continue;
    yield isFirst ? withoutMark(text) : text;
    isFirst = false;
  }
  checkUtf8(rest, where, line);
}

function withoutMark(text: string): string {
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}

/** @param line number of the first line @returns number of the line in which the bytes end */
function checkUtf8(bytes: Buffer, where: string, line: number): number {
  const isValid = isUtf8(bytes);
  let number = line;
  let start = 0;
  for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
    if (!isValid && !isUtf8(bytes.subarray(start, end))) break;
    number++;
    start = end + 1;
  }
  if (isValid) return number;
  throw new UserError(
    `${where}, line ${number} is not UTF-8. Convert the text, for example with \`iconv -f GB18030 -t UTF-8\` if it is Chinese.`,
  );
}

/** The position after the last complete character. */
function endOfCharacters(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!;
    if ((byte & 0xc0) === 0x80) continue; // within a character
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}
