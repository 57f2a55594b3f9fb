import { createReadStream } from 'node:fs';
import { UserError } from '../../shared/errors.js';
import { parseJsonAt } from '../../shared/parse-json.js';
import { unreadable } from '../../shared/system-errors.js';
import { decodeUtf8Chunks } from '../../shared/utf8-text.js';
import { checked, type RecordFile } from './read-records.js';

/** A complete string, the opening quote of an incomplete one, or a bracket, brace or comma. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|["{}[\],]/gs;

/** Far above any real record; keeps a wrong file from filling the memory. */
const MAX_RECORD_CHARACTERS = 64 * 1024 * 1024;

/**
 * Streams the records of a JSON file that is one object with a record per id (the largest have hundreds of MB). Keeps the
 * file's order; `JSON.parse` would move integer-like ids to the front.
 * @throws UserError when the file is missing or truncated, or when a record is invalid, naming the first one
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
  const [member] = Object.entries(parseJsonAt(`{${text}}`, where) as Record<string, unknown>);
  if (member) return member;
  throw new UserError(`${where} is not valid JSON: unexpected comma.`);
}

/** The members of the file's object as text, `"id": {...}`. */
async function* memberTexts(path: string, origin: string): AsyncGenerator<string> {
  const notAnObject = () => new UserError(`${path} is not a JSON object of records. ${origin}`);
  let pending = '';
  let scanned = 0; // position in pending
  let depth = 0;
  let isFirst = true;
  let ended = false;
  for await (const chunk of chunksOf(path, origin)) {
    pending += chunk;
    let start = 0; // start of the current member in pending
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
      throw new UserError(`${path} has a record longer than ${MAX_RECORD_CHARACTERS} characters. ${origin}`);
    }
  }
  if (depth > 0) throw new UserError(`${path} is truncated: it ends in the middle of a record. ${origin}`);
  if (pending.trim() !== '') throw notAnObject();
}

/** The first character and end position of the next token; null when the text has no complete one. */
function nextToken(text: string, from: number): { mark: string; end: number } | null {
  TOKEN.lastIndex = from;
  const token = TOKEN.exec(text)?.[0];
  if (token === undefined || token === '"') return null;
  return { mark: token[0]!, end: TOKEN.lastIndex };
}

async function* chunksOf(path: string, origin: string): AsyncGenerator<string> {
  try {
    yield* decodeUtf8Chunks(createReadStream(path, { highWaterMark: 1024 * 1024 }), path);
  } catch (error) {
    throw unreadable(path, error, origin);
  }
}
