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

/**
 * Streams the records of a JSON document that has them in a list under a top-level key (VQAv2's questions have 23 MB).
 * The rest of the document is skipped unchecked.
 * @throws UserError when the file is missing or truncated, or when a record is invalid, naming the first one
 */
export async function* readRecordList<T>(
  { path, check, origin }: RecordFile<T>,
  key: string,
): AsyncGenerator<Iterable<T>, void, undefined> {
  const scanner = listScanner(key);
  let count = 0;
  for await (const chunk of chunksOf(path, origin)) {
    const elements = scanner.push(chunk);
    const whereIs = (i: number): string => `${path}, record ${count + i + 1} of "${key}"`;
    const records =
      (scanner.isShallow() ? parseTogether(elements) : null) ??
      elements.map((bytes, i) => parseJsonAt(decodeUtf8(bytes, whereIs(i)), whereIs(i)));
    yield eachChecked(records, check, whereIs);
    count += records.length;
    if (scanner.pendingBytes() > MAX_RECORD_BYTES) {
      throw new UserError(`${path} has a record longer than ${MAX_RECORD_BYTES} bytes. ${origin}`);
    }
  }
  if (!scanner.foundList()) throw new UserError(`${path} has no list "${key}". ${origin}`);
  if (!scanner.isComplete()) throw new UserError(`${path} is truncated: it ends in the middle of "${key}". ${origin}`);
  if (count === 0) throw new UserError(`${path} has no records. ${origin}`);
}

function* eachChecked<T>(
  records: readonly unknown[],
  check: SchemaCheck<T>,
  whereIs: (i: number) => string,
): Generator<T, void, undefined> {
  for (let i = 0; i < records.length; i++) yield checked(records[i], check, whereIs(i));
}

/**
 * Parses elements that follow one another in a buffer as one list, which is faster than one at a time.
 * @returns null if one of them is no JSON: parsing them one at a time then tells which
 */
function parseTogether(elements: readonly Buffer[]): unknown[] | null {
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
  const progress = atTheBeginning();

  return {
    foundList: () => progress.list !== 'before',
    isComplete: () => progress.list === 'after',
    pendingBytes: () => pending.length,
    /** Whether no element so far needs `parseJson`'s check of the depth. */
    isShallow: () => progress.deepest <= MAX_USUAL_DEPTH,

    /** The elements that the chunk completes, one after the other in one buffer. */
    push(chunk: Buffer): Buffer[] {
      if (progress.list === 'after') return [];
      pending = Buffer.concat([pending.subarray(progress.start), chunk]);
      progress.at -= progress.start;
      progress.start = 0;
      if (progress.list === 'before') scan(pending, progress, key);
      const elements = progress.list === 'inside' ? scan(pending, progress, key) : [];
      // Discard the document's other values.
      if (progress.list === 'before' && progress.depth > 1) progress.start = Math.min(progress.at, pending.length);
      return elements;
    },
  };
}

/** Where the list starts in a document, behind its bracket; null if not in these bytes, which are its first. */
export function listStart(bytes: Buffer, key: string): number | null {
  const progress = atTheBeginning();
  scan(bytes, progress, key);
  return progress.list === 'inside' ? progress.start : null;
}

function atTheBeginning(): Progress {
  return { at: 0, start: 0, depth: 0, deepest: 0, inString: false, list: 'before' };
}

/**
 * Scans to the end of the bytes, or to where the list begins or ends.
 * @param progress updated
 * @returns the elements that were completed
 */
function scan(bytes: Buffer, progress: Progress, key: string): Buffer[] {
  const elements: Buffer[] = [];
  const { length } = bytes;
  let { at, start, depth, deepest, inString, list } = progress; // local variables: the loop sees every byte of the file
  while (at < length && list === progress.list) {
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
