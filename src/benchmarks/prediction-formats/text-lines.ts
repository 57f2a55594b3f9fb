import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { TextDecoder } from 'node:util';
import { createGunzip } from 'node:zlib';
import { UserError } from '../../shared/errors.js';
import { unreadable } from '../../shared/system-errors.js';
import { decodeUtf8Chunks } from '../../shared/utf8-text.js';
import { encodingOf, HEAD_BYTES, kindOf } from './file-kind.js';

const CHUNK_BYTES = 1 << 20;
const MAX_LINE_CHARACTERS = 2 ** 28; // far above any answer; some JSON documents are one line
const MAX_TEXT_CHARACTERS = 2 ** 32; // limits how much a small gzip file can unpack to

/** A non-blank line and its 1-based number. */
export interface TextLine {
  text: string;
  number: number;
}

/**
 * The non-blank lines of a text file, one chunk at a time. Only "\n" ends a line: answers may contain U+2028, at which
 * node:readline would split. Reads UTF-8 and UTF-16, also gzipped.
 * @throws UserError if the file cannot be read or is not a text file, naming what it looks like
 */
export async function* textLines(path: string): AsyncGenerator<TextLine[]> {
  let rest = '';
  let number = 0;
  let read = 0;
  for await (const chunk of textChunks(path)) {
    read += chunk.length;
    if (read > MAX_TEXT_CHARACTERS)
      throw new UserError(`${path} unpacks to more than ${MAX_TEXT_CHARACTERS} characters.`);
    const texts = chunk.split('\n'); // not with the rest, of which a document of one line has more with every chunk
    texts[0] = rest + texts[0]!;
    rest = texts.pop()!;
    const lines: TextLine[] = [];
    for (const text of texts) {
      number++;
      if (!isBlank(text)) lines.push({ text, number });
    }
    if (lines.length > 0) yield lines;
    if (rest.length > MAX_LINE_CHARACTERS) {
      throw new UserError(`${path}, line ${number + 1} is longer than ${MAX_LINE_CHARACTERS} characters.`);
    }
  }
  if (!isBlank(rest)) yield [{ text: rest, number: number + 1 }];
}

/** Reads a whole text file. @throws UserError like `textLines` */
export async function wholeText(path: string): Promise<string> {
  const chunks: string[] = [];
  let length = 0;
  for await (const chunk of textChunks(path)) {
    length += chunk.length;
    if (length > MAX_LINE_CHARACTERS) throw new UserError(`${path} is longer than ${MAX_LINE_CHARACTERS} characters.`);
    chunks.push(chunk);
  }
  return chunks.join('');
}

/** The first bytes of a file. @throws UserError if it cannot be read */
export async function fileHead(path: string): Promise<Buffer> {
  try {
    const file = await open(path);
    try {
      if ((await file.stat()).isFIFO()) {
        throw new UserError(`${path} is a pipe, which can be read only once. Write it to a file first.`);
      }
      const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw unreadable(path, error);
  }
}

async function* textChunks(path: string): AsyncGenerator<string> {
  const { kind, name } = kindOf(await fileHead(path));
  if (kind !== 'text' && kind !== 'gzip') throw notText(path, name);
  const file = createReadStream(path, { highWaterMark: CHUNK_BYTES });
  const stream: Readable = kind === 'gzip' ? file.pipe(createGunzip({ chunkSize: CHUNK_BYTES })) : file;
  file.on('error', (error) => stream.destroy(error)); // pipe() does not pass errors on
  try {
    yield* decoded(stream as AsyncIterable<Buffer>, path, kind === 'gzip');
  } catch (error) {
    throw unreadable(path, error);
  } finally {
    file.destroy(); // also where the reader has seen enough
    stream.destroy();
  }
}

/** Drops a byte order mark. @throws UserError if the contents are not text, or not in the encoding that they begin in */
async function* decoded(bytes: AsyncIterable<Buffer>, path: string, isUnpacked: boolean): AsyncGenerator<string> {
  const chunks = bytes[Symbol.asyncIterator]();
  const { value: first, done } = await chunks.next();
  if (done) return;
  const head = first.subarray(0, HEAD_BYTES);
  const { kind, name } = kindOf(head);
  if (isUnpacked && kind !== 'text') throw notText(path, `a gzip file of ${name}`);
  const all = (async function* () {
    yield first;
    yield* { [Symbol.asyncIterator]: () => chunks };
  })();
  const encoding = encodingOf(head);
  if (encoding === 'utf-8') yield* decodeUtf8Chunks(all, path);
  else yield* decodeUtf16Chunks(all, path, encoding);
}

async function* decodeUtf16Chunks(
  chunks: AsyncIterable<Buffer>,
  path: string,
  encoding: string,
): AsyncGenerator<string> {
  const decoder = new TextDecoder(encoding, { fatal: true });
  try {
    for await (const chunk of chunks) yield decoder.decode(chunk, { stream: true });
    yield decoder.decode();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_ENCODING_INVALID_ENCODED_DATA') throw error;
    throw new UserError(`${path} begins as ${encoding.toUpperCase()}, but is not valid in it. Convert it to UTF-8.`, {
      cause: error,
    });
  }
}

function notText(path: string, name: string): UserError {
  return new UserError(`${path} is ${name}.`);
}

function isBlank(text: string): boolean {
  return text.length < 1024 && text.trim() === '';
}
