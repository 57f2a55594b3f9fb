import { readFile } from 'node:fs/promises';
import { messageOf, UserError } from '../../shared/errors.js';
import type { SchemaCheck } from '../../shared/json-schema.js';
import { parseJson } from '../../shared/parse-json.js';

/** An annotation file: how its records must look, and what it is and where it comes from, for who does not have it. */
export interface RecordFile<T> {
  path: string;
  check: SchemaCheck<T>;
  /** Whole sentences, said when the file is missing. */
  origin: string;
}

/**
 * Reads the records of a JSON document that has them as a list under a key, or that is the list.
 * @throws UserError when the file is missing, or naming the first record that is broken
 */
export async function readRecords<T>(file: RecordFile<T>, key?: string): Promise<T[]> {
  const text = await readText(file);
  const document: unknown = parse(text, file.path);
  const records = key === undefined ? document : (document as Record<string, unknown> | null)?.[key];
  const list = key === undefined ? '' : ` "${key}"`;
  if (!Array.isArray(records)) throw new UserError(`${file.path} has no list${list}. ${file.origin}`);
  if (records.length === 0) throw new UserError(`${file.path} has no records. ${file.origin}`);
  const ofList = list && ` of${list}`;
  return records.map((record, i) => checked(record, file.check, `${file.path}, record ${i + 1}${ofList}`));
}

/**
 * Reads a file with one JSON record per line; empty lines are passed over.
 * @throws UserError when the file is missing, or naming the first line that is broken
 */
export async function readRecordLines<T>(file: RecordFile<T>): Promise<T[]> {
  const lines = (await readText(file)).split('\n');
  const records = lines.flatMap((line, i) => {
    if (line.trim() === '') return [];
    const where = `${file.path}, line ${i + 1}`;
    return [checked(parse(line, where), file.check, where)];
  });
  if (records.length === 0) throw new UserError(`${file.path} has no records. ${file.origin}`);
  return records;
}

/**
 * Reads a JSON document as a whole.
 * @throws UserError when the file is missing, or naming what is broken in it
 */
export async function readDocument<T>(file: RecordFile<T>): Promise<T> {
  return checked(parse(await readText(file), file.path), file.check, file.path);
}

async function readText<T>({ path, origin }: RecordFile<T>): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw unreadable(path, origin, error);
  }
}

/** What to tell the user when an annotation file cannot be read. */
export function unreadable(path: string, origin: string, error: unknown): UserError {
  const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
  const problem = isMissing ? `does not exist. ${origin}` : `cannot be read: ${messageOf(error)}`;
  return new UserError(`${path} ${problem}`, { cause: error });
}

/** @param where the record, for the message @throws UserError when the text is not JSON */
export function parse(text: string, where: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    throw new UserError(`${where} is not JSON: ${messageOf(error)}`, { cause: error });
  }
}

/** @throws UserError when the record does not fit, saying where and why */
export function checked<T>(record: unknown, check: SchemaCheck<T>, where: string): T {
  if (check.fits(record)) return record;
  throw new UserError(`${where}: ${check.problem()}`);
}
