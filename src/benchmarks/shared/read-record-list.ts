import { createReadStream } from 'node:fs';
import { UserError } from '../../shared/errors.js';
import { checked, parse, type RecordFile, unreadable } from './read-records.js';

/** Far above any record; a file with a longer one is not what it should be and would fill the memory. */
const MAX_RECORD_BYTES = 64 * 1024 * 1024;

/**
 * Reads the records of a JSON document that has them as a list under a key of its own, a record at a time: the
 * annotations of VQAv2 have 190 MB. What else the document holds is passed over unchecked.
 * @throws UserError when the file is missing, cut off, or naming the first record that is broken
 */
export async function* readRecordList<T>(
  { path, check, origin }: RecordFile<T>,
  key: string,
): AsyncGenerator<T, void, undefined> {
  const scanner = listScanner(key);
  let count = 0;
  for await (const chunk of chunksOf(path, origin)) {
    for (const text of scanner.push(chunk)) {
      count++;
      const where = `${path}, record ${count} of "${key}"`;
      yield checked(parse(text, where), check, where);
    }
    if (scanner.pendingBytes() > MAX_RECORD_BYTES) {
      throw new UserError(`${path} has a record of more than ${MAX_RECORD_BYTES} bytes. ${origin}`);
    }
  }
  if (!scanner.foundList()) throw new UserError(`${path} has no list "${key}". ${origin}`);
  if (!scanner.isComplete()) throw new UserError(`${path} ends in the middle of "${key}": it is cut off. ${origin}`);
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
 * Cuts the elements of the list out of a document that comes in pieces. Works on bytes: in UTF-8 none of the marks is
 * part of a longer character.
 */
export function listScanner(key: string) {
  const quotedKey = JSON.stringify(key);
  let pending: Buffer = Buffer.alloc(0); // from `start` on
  let scanned = 0; // in pending
  let start = 0; // of the element in the list, or of the document's key or value
  let depth = 0; // of brackets; 1 in the document, 2 in the list
  let inString = false;
  let list: 'before' | 'inside' | 'behind' = 'before';
  let isListNext = false;

  return {
    foundList: () => list !== 'before',
    isComplete: () => list === 'behind',
    pendingBytes: () => pending.length,

    *push(chunk: Buffer): Generator<string, void, undefined> {
      if (list === 'behind') return;
      pending = Buffer.concat([pending.subarray(start), chunk]);
      scanned -= start;
      start = 0;
      while (scanned < pending.length) {
        const byte = pending[scanned++]!;
        if (inString) {
          if (byte === BACKSLASH)
            scanned++; // the escaped character, which may be in the next piece
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
            list = 'behind';
            const last = pending.toString('utf8', start, scanned - 1);
            if (last.trim() !== '') yield last;
            return;
          }
        } else if (byte === COMMA && list === 'inside' && depth === 2) {
          yield pending.toString('utf8', start, scanned - 1);
          start = scanned;
        } else if (byte === COLON && depth === 1) {
          isListNext = pending.toString('utf8', start, scanned - 1).trim() === quotedKey;
        }
        const opensOrSeparates = byte === COMMA || byte === OPEN_OBJECT;
        if (opensOrSeparates && depth === 1 && !inString) start = scanned;
      }
      // Other values of the document are not kept.
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
