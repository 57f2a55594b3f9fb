import { createReadStream } from 'node:fs';
import { UserError } from '../../shared/errors.js';
import { decodeUtf8 } from '../../shared/utf8-text.js';
import { checked, parse, type RecordFile, unreadable } from './read-records.js';

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
    for (const bytes of scanner.push(chunk)) {
      count++;
      const where = `${path}, record ${count} of "${key}"`;
      yield checked(parse(decodeUtf8(bytes, where), where), check, where);
    }
    if (scanner.pendingBytes() > MAX_RECORD_BYTES) {
      throw new UserError(`${path} has a record longer than ${MAX_RECORD_BYTES} bytes. ${origin}`);
    }
  }
  if (!scanner.foundList()) throw new UserError(`${path} has no list "${key}". ${origin}`);
  if (!scanner.isComplete()) throw new UserError(`${path} is truncated: it ends in the middle of "${key}". ${origin}`);
  if (count === 0) throw new UserError(`${path} has no records. ${origin}`);
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

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
  let inString = false;
  let list: 'before' | 'inside' | 'after' = 'before';
  let isListNext = false;

  return {
    foundList: () => list !== 'before',
    isComplete: () => list === 'after',
    pendingBytes: () => pending.length,

    *push(chunk: Buffer): Generator<Buffer, void, undefined> {
      if (list === 'after') return;
      pending = Buffer.concat([pending.subarray(start), chunk]);
      scanned -= start;
      start = 0;
      while (scanned < pending.length) {
        const byte = pending[scanned++]!;
        if (inString) {
          if (byte === BACKSLASH)
            scanned++; // skip the escaped character, which may be in the next chunk
          else if (byte === QUOTE) inString = false;
        } else if (byte === QUOTE) {
          inString = true;
        } else if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
          depth++;
          if (depth === 2 && byte === OPEN_LIST && isListNext) {
            list = 'inside';
            start = scanned;
          }
        } else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) {
          depth--;
          if (depth === 1 && list === 'inside') {
            list = 'after';
            const last = pending.subarray(start, scanned - 1);
            if (last.toString('latin1').trim() !== '') yield last;
            return;
          }
        } else if (byte === COMMA && list === 'inside' && depth === 2) {
          yield pending.subarray(start, scanned - 1);
          start = scanned;
        } else if (byte === COLON && depth === 1) {
          isListNext = pending.toString('latin1', start, scanned - 1).trim() === quotedKey;
        }
        const opensOrSeparates = byte === COMMA || byte === OPEN_OBJECT;
        if (opensOrSeparates && depth === 1 && !inString) start = scanned;
      }
      // Discard the document's other values.
      if (list === 'before' && depth > 1) start = Math.min(scanned, pending.length);
    },
  };
}

async function* chunksOf(path: string, origin: string): AsyncGenerator<Buffer, void, undefined> {
  try {
    yield* createReadStream(path, { highWaterMark: 1024 * 1024 });
  } catch (error) {
    throw unreadable(path, origin, error);
  }
}
