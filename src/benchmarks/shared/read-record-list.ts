import { createReadStream } from 'node:fs';
import { UserError } from '../../shared/errors.js';
import { parseJsonAt } from '../../shared/parse-json.js';
import { unreadable } from '../../shared/system-errors.js';
import { decodeUtf8 } from '../../shared/utf8-text.js';
import { checked, type RecordFile } from './read-records.js';

/** Far above any real record; keeps a wrong file from filling the memory. */
const MAX_RECORD_BYTES = 64 * 1024 * 1024;

/**
 * Streams the records of a JSON document that has them in a list under a top-level key (VQAv2's annotations have 190 MB).
 * The rest of the document is skipped unchecked.
 * @throws UserError when the file is missing or truncated, or when a record is invalid, naming the first one
 */
export async function* readRecordList<T>(
  { path, check, origin }: RecordFile<T>,
  key: string,
): AsyncGenerator<T, void, undefined> {
  const scanner = listScanner(key);
  let count = 0;
  for await (const chunk of chunksOf(path, origin)) {
    const elements = scanner.push(chunk);
    const whereIs = (i: number): string => `${path}, record ${count + i + 1} of "${key}"`;
    const records =
      (scanner.isShallow() ? parseTogether(elements) : null) ??
      elements.map((bytes, i) => parseJsonAt(decodeUtf8(bytes, whereIs(i)), whereIs(i)));
    for (const [i, record] of records.entries()) yield checked(record, check, whereIs(i));
    count += records.length;
    if (scanner.pendingBytes() > MAX_RECORD_BYTES) {
      throw new UserError(`${path} has a record longer than ${MAX_RECORD_BYTES} bytes. ${origin}`);
    }
  }
  if (!scanner.foundList()) throw new UserError(`${path} has no list "${key}". ${origin}`);
  if (!scanner.isComplete()) throw new UserError(`${path} is truncated: it ends in the middle of "${key}". ${origin}`);
  if (count === 0) throw new UserError(`${path} has no records. ${origin}`);
}

/**
 * Parses elements that follow one another in a buffer as one list, which is faster than one at a time.
 * @returns null if one of them is no JSON: parsing them one at a time then tells which
 */
function parseTogether(elements: readonly Buffer[]): unknown[] | null {
  const [first, last] = [elements[0], elements.at(-1)];
  if (first === undefined || last === undefined) return [];
  const end = last.byteOffset + last.length;
  try {
    const text = decodeUtf8(Buffer.from(first.buffer, first.byteOffset, end - first.byteOffset), '');
    const records = JSON.parse(`[${text}]`) as unknown[];
    return records.length === elements.length ? records : null;
  } catch {
    return null;
  }
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** Nesting that no known file reaches. */
const MAX_USUAL_DEPTH = 20;

/** 1 for the characters outside of strings that the scanner looks at. */
const IS_STRUCTURAL = new Uint8Array(256);
for (const byte of [QUOTE, COMMA, COLON, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT]) IS_STRUCTURAL[byte] = 1;

/**
 * Extracts the elements of the list from a document that arrives in chunks. Works on bytes: in UTF-8, no structural
 * character is part of a multi-byte sequence.
 */
export function listScanner(key: string) {
  const quotedKey = JSON.stringify(key);
  let pending: Buffer = Buffer.alloc(0); // unprocessed bytes, from `start` on
  let scanned = 0; // position in pending
  let start = 0; // start of the current list element, or of the document's current key or value
  let depth = 0; // nesting: 1 in the document, 2 in the list
  let deepest = 0;
  let inString = false;
  let list: 'before' | 'inside' | 'after' = 'before';
  let isListNext = false;

  return {
    foundList: () => list !== 'before',
    isComplete: () => list === 'after',
    pendingBytes: () => pending.length,
    /** Whether no element so far needs `parseJson`'s check of the depth. */
    isShallow: () => deepest <= MAX_USUAL_DEPTH,

    /** The elements that the chunk completes, one after the other in one buffer. */
    push(chunk: Buffer): Buffer[] {
      const elements: Buffer[] = [];
      if (list === 'after') return elements;
      pending = Buffer.concat([pending.subarray(start), chunk]);
      scanned -= start;
      start = 0;
      const bytes = pending; // a local variable: this loop sees every byte of the file
      let at = scanned;
      for (; at < bytes.length; at++) {
        const byte = bytes[at]!;
        if (inString) {
          if (byte === BACKSLASH)
            at++; // skip the escaped character, which may be in the next chunk
          else if (byte === QUOTE) inString = false;
          continue;
        }
        if (IS_STRUCTURAL[byte] === 0) continue;
        if (byte === QUOTE) {
          inString = true;
        } else if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
          deepest = Math.max(deepest, ++depth);
          if (depth === 2 && byte === OPEN_LIST && isListNext) {
            list = 'inside';
            start = at + 1;
          }
        } else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) {
          depth--;
          if (depth === 1 && list === 'inside') {
            list = 'after';
            const last = bytes.subarray(start, at);
            if (last.toString('latin1').trim() !== '') elements.push(last);
            return elements;
          }
        } else if (byte === COMMA && list === 'inside' && depth === 2) {
          elements.push(bytes.subarray(start, at));
          start = at + 1;
        } else if (byte === COLON && depth === 1) {
          isListNext = bytes.toString('latin1', start, at).trim() === quotedKey;
        }
        if (depth === 1 && (byte === COMMA || byte === OPEN_OBJECT)) start = at + 1;
      }
      scanned = at;
      // Discard the document's other values.
      if (list === 'before' && depth > 1) start = Math.min(scanned, pending.length);
      return elements;
    },
  };
}

async function* chunksOf(path: string, origin: string): AsyncGenerator<Buffer, void, undefined> {
  try {
    yield* createReadStream(path, { highWaterMark: 1024 * 1024 });
  } catch (error) {
    throw unreadable(path, error, origin);
  }
}
