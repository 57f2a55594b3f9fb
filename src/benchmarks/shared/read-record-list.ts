import { isAscii } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { UserError } from '../../shared/errors.js';
import type { SchemaCheck } from '../../shared/json-schema.js';
import { parseJsonAt } from '../../shared/parse-json.js';
import { unreadable } from '../../shared/system-errors.js';
import { decodeUtf8 } from '../../shared/utf8-text.js';
import { checked, type RecordFile } from './read-records.js';

/** Far above any real record; keeps a wrong file from filling the memory. */
const MAX_RECORD_BYTES = 64 * 1024 * 1024;

/** Records of a list that follow one another in a file, not parsed yet. */
export interface RecordPart {
  /** One after the other, with a comma between two, in memory that nothing else uses. */
  elements: readonly Buffer[];
  /** Whether none needs `parseJson`'s check of the depth. */
  isShallow: boolean;
  /** Names the record at a place in the part, for messages. */
  whereIs(place: number): string;
}

/**
 * Streams the records of a JSON document that has them in a list under a top-level key (VQAv2's annotations have 190 MB).
 * The rest of the document is skipped unchecked.
 * @throws UserError when the file is missing or truncated, or when a record is invalid, naming the first one
 */
export async function* readRecordList<T>(
  file: RecordFile<T>,
  key: string,
): AsyncGenerator<Iterable<T>, void, undefined> {
  for await (const part of readRecordParts(file, key)) yield recordsOf(part, file.check);
}

/** Like `readRecordList`, for records that are parsed elsewhere. @throws UserError when the file is missing or truncated */
export async function* readRecordParts(
  { path, origin }: Pick<RecordFile<unknown>, 'path' | 'origin'>,
  key: string,
): AsyncGenerator<RecordPart, void, undefined> {
  const scanner = listScanner(key);
  let count = 0;
  for await (const chunk of chunksOf(path, origin)) {
    const elements = scanner.push(chunk);
    const before = count;
    count += elements.length;
    const whereIs = (place: number): string => `${path}, record ${before + place + 1} of "${key}"`;
    yield { elements, isShallow: scanner.isShallow(), whereIs };
    if (scanner.pendingBytes() > MAX_RECORD_BYTES) {
      throw new UserError(`${path} has a record longer than ${MAX_RECORD_BYTES} bytes. ${origin}`);
    }
  }
  if (!scanner.foundList()) throw new UserError(`${path} has no list "${key}". ${origin}`);
  if (!scanner.isComplete()) throw new UserError(`${path} is truncated: it ends in the middle of "${key}". ${origin}`);
  if (count === 0) throw new UserError(`${path} has no records. ${origin}`);
}

/** Parses and checks records. @throws UserError naming the first one that is invalid */
function* recordsOf<T>(
  { elements, isShallow, whereIs }: RecordPart,
  check: SchemaCheck<T>,
): Generator<T, void, undefined> {
  const records =
    (isShallow ? parseTogether(elements) : null) ??
    elements.map((bytes, i) => parseJsonAt(decodeUtf8(bytes, whereIs(i)), whereIs(i)));
  for (let i = 0; i < records.length; i++) yield checked(records[i], check, whereIs(i));
}

/**
 * Parses elements as one list, which is faster than one at a time.
 * @returns null if one of them is no JSON: parsing them one at a time then tells which
 */
export function parseTogether(elements: readonly Buffer[]): unknown[] | null {
  try {
    const records = JSON.parse(`[${elements.map(textOf).join()}]`) as unknown[];
    return records.length === elements.length ? records : null;
  } catch {
    return null;
  }
}

/** One at a time, since most have ASCII alone, and V8 decodes UTF-8 slowly behind the first other character. */
function textOf(element: Buffer): string {
  return isAscii(element) ? element.toString('latin1') : decodeUtf8(element, '');
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** Nesting that no known file reaches. */
const MAX_USUAL_DEPTH = 20;

/** 1 for the characters outside of strings that the scanner looks at. Colons are left out: there are too many. */
const IS_STRUCTURAL = new Uint8Array(256);
for (const byte of [QUOTE, COMMA, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT]) IS_STRUCTURAL[byte] = 1;

/** How far a document is scanned. */
interface Progress {
  /** Position in the unprocessed bytes. */
  at: number;
  /** Start of the current list element, or of the document's current key or value. */
  start: number;
  /** Nesting: 1 in the document, 2 in the list. */
  depth: number;
  deepest: number;
  inString: boolean;
  list: 'before' | 'inside' | 'after';
}

/**
 * Extracts the elements of the list from a document that arrives in chunks. Works on bytes: in UTF-8, no structural
 * character is part of a multi-byte sequence.
 */
export function listScanner(key: string) {
  let pending: Buffer = Buffer.alloc(0); // unprocessed bytes, from `start` on
  const progress: Progress = { at: 0, start: 0, depth: 0, deepest: 0, inString: false, list: 'before' };

  return {
    foundList: () => progress.list !== 'before',
    isComplete: () => progress.list === 'after',
    pendingBytes: () => pending.length,
    /** Whether no element so far needs `parseJson`'s check of the depth. */
    isShallow: () => progress.deepest <= MAX_USUAL_DEPTH,

    /** The elements that the chunk completes, one after the other in memory that nothing else uses. */
    push(chunk: Buffer): Buffer[] {
      if (progress.list === 'after') return [];
      const bytes = Buffer.allocUnsafeSlow(pending.length + chunk.length);
      pending.copy(bytes);
      chunk.copy(bytes, pending.length);
      const elements = scan(bytes, progress, key);
      // Discard the document's other values.
      if (progress.list === 'before' && progress.depth > 1) progress.start = Math.min(progress.at, bytes.length);
      const rest = bytes.subarray(progress.start);
      pending = elements.length > 0 ? Buffer.from(rest) : rest;
      progress.at -= progress.start;
      progress.start = 0;
      return elements;
    },
  };
}

/** Scans to the end of the bytes or of the list. @param progress updated @returns the elements that were completed */
function scan(bytes: Buffer, progress: Progress, key: string): Buffer[] {
  const elements: Buffer[] = [];
  const { length } = bytes;
  let { at, start, depth, deepest, inString, list } = progress; // local variables: the loop sees every byte of the file
  while (at < length && list !== 'after') {
    if (inString) {
      let byte = 0;
      while (at < length && byte !== QUOTE) {
        byte = bytes[at++]!;
        if (byte === BACKSLASH) at++; // skip the escaped character, which may be in the next chunk
      }
      inString = byte !== QUOTE;
      continue;
    }
    const byte = bytes[at++]!;
    if (IS_STRUCTURAL[byte] === 0) continue;
    if (byte === QUOTE) {
      inString = true;
      continue;
    }
    if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
      depth++;
      if (depth > deepest) deepest = depth;
      if (depth === 2 && byte === OPEN_LIST && isKey(bytes.toString('latin1', start, at - 1), key)) {
        list = 'inside';
        start = at;
      }
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) {
      depth--;
      if (depth === 1 && list === 'inside') {
        list = 'after';
        const last = bytes.subarray(start, at - 1);
        if (last.toString('latin1').trim() !== '') elements.push(last);
      }
    } else if (depth === 2 && list === 'inside') {
      elements.push(bytes.subarray(start, at - 1));
      start = at;
    }
    if (depth === 1 && (byte === COMMA || byte === OPEN_OBJECT)) start = at;
  }
  Object.assign(progress, { at, start, depth, deepest, inString, list });
  return elements;
}

/** Whether the text before a value is this key and a colon. */
function isKey(text: string, key: string): boolean {
  const colon = text.lastIndexOf(':');
  return text.slice(0, colon).trim() === JSON.stringify(key) && text.slice(colon + 1).trim() === '';
}

async function* chunksOf(path: string, origin: string): AsyncGenerator<Buffer, void, undefined> {
  try {
    yield* createReadStream(path, { highWaterMark: 1024 * 1024 });
  } catch (error) {
    throw unreadable(path, error, origin);
  }
}
