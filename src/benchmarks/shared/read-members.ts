import { createReadStream } from 'node:fs';
import { UserError } from '../../shared/errors.js';
import { checked, parse, type RecordFile, unreadable } from './read-records.js';

/** A string, the quote of a string that does not end in the text, or a mark that opens, closes or separates. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|["{}[\],]/gs;

/** Far above any record; a file with a longer one is not what it should be and would fill the memory. */
const MAX_RECORD_CHARACTERS = 64 * 1024 * 1024;

/**
 * Reads a JSON file that is one object with a record per id, a record at a time: the largest have hundreds of MB. The
 * order is the file's; `JSON.parse` would put ids that are numbers first, by size.
 * @throws UserError when the file is missing, cut off, or naming the first record that is broken
 */
export async function* readMembers<T>({ path, check, origin }: RecordFile<T>): AsyncGenerator<[id: string, record: T]> {
  let count = 0;
  for await (const text of memberTexts(path, origin)) {
    count++;
    const [id, record] = parseMember(text, `${path}, record ${count}`);
    yield [id, checked(record, check, `${path}, record "${id}"`)];
  }
  if (count === 0) throw new UserError(`${path} has no records. ${origin}`);
}

function parseMember(text: string, where: string): [id: string, record: unknown] {
  const [member] = Object.entries(parse(`{${text}}`, where) as Record<string, unknown>);
  if (member) return member;
  throw new UserError(`${where} is not JSON: two commas follow each other, or a comma the last record`);
}

/** The members of the file's object as text, `"id": {...}`. */
async function* memberTexts(path: string, origin: string): AsyncGenerator<string> {
  const notAnObject = () => new UserError(`${path} is not a JSON object of records. ${origin}`);
  let pending = '';
  let scanned = 0; // in pending
  let depth = 0;
  let isFirst = true;
  let ended = false;
  for await (const chunk of chunksOf(path, origin)) {
    pending += chunk;
    let start = 0; // of the member, in pending
    for (let token = nextToken(pending, scanned); token; token = nextToken(pending, scanned)) {
      const before = scanned;
      scanned = token.end;
      if (depth === 0) {
        const opens = !ended && token.mark === '{' && pending.slice(before, token.end - 1).trim() === '';
        if (!opens) throw notAnObject();
        depth = 1;
        start = token.end;
      } else if (token.mark === '{' || token.mark === '[') {
        depth++;
      } else if (token.mark === '}' || token.mark === ']') {
        depth--;
      }
      ended = depth === 0;
      const separates = ended || (depth === 1 && token.mark === ',');
      if (!separates) continue;
      const text = pending.slice(start, token.end - 1);
      start = token.end;
      const isEmptyObject = isFirst && ended && text.trim() === '';
      if (!isEmptyObject) yield text;
      isFirst = false;
    }
    pending = pending.slice(start);
    scanned -= start;
    if (pending.length > MAX_RECORD_CHARACTERS) {
      throw new UserError(`${path} has a record of more than ${MAX_RECORD_CHARACTERS} characters. ${origin}`);
    }
  }
  if (depth > 0) throw new UserError(`${path} ends in the middle of a record: it is cut off. ${origin}`);
  if (pending.trim() !== '') throw notAnObject();
}

/** The next string or mark; null when the text has none that ends in it. @returns its first character and end */
function nextToken(text: string, from: number): { mark: string; end: number } | null {
  TOKEN.lastIndex = from;
  const token = TOKEN.exec(text)?.[0];
  if (token === undefined || token === '"') return null;
  return { mark: token[0]!, end: TOKEN.lastIndex };
}

async function* chunksOf(path: string, origin: string): AsyncGenerator<string> {
  try {
    yield* createReadStream(path, { encoding: 'utf8', highWaterMark: 1024 * 1024 });
  } catch (error) {
    throw unreadable(path, origin, error);
  }
}
