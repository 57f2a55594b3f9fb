import { UserError } from '../../shared/errors.js';
import type { SchemaCheck } from '../../shared/json-schema.js';
import { parseJsonAt } from '../../shared/parse-json.js';
import { unreadable } from '../../shared/system-errors.js';
import { readUtf8 } from '../../shared/utf8-text.js';

/** An annotation file, the schema of its records, and where to get it. */
export interface RecordFile<T> {
  path: string;
  check: SchemaCheck<T>;
  /** Where to get the file, in complete sentences; part of the error when it is missing. */
  origin: string;
}

/**
 * Reads the records of a JSON document that is a list or has one under `key`.
 * @throws UserError when the file is missing, or when a record is invalid, naming the first one
 */
export async function readRecords<T>(file: RecordFile<T>, key?: string): Promise<T[]> {
  const text = await readText(file);
  const document = parseJsonAt(text, file.path);
  const records = key === undefined ? document : (document as Record<string, unknown> | null)?.[key];
  const list = key === undefined ? '' : ` "${key}"`;
  if (!Array.isArray(records)) throw new UserError(`${file.path} has no list${list}. ${file.origin}`);
  if (records.length === 0) throw new UserError(`${file.path} has no records. ${file.origin}`);
  const ofList = list && ` of${list}`;
  return records.map((record, i) => checked(record, file.check, `${file.path}, record ${i + 1}${ofList}`));
}

/**
 * Reads a file with one JSON record per line; skips empty lines.
 * @throws UserError when the file is missing, or when a line is invalid, naming the first one
 */
export async function readRecordLines<T>(file: RecordFile<T>): Promise<T[]> {
  const lines = (await readText(file)).split('\n');
  const records = lines.flatMap((line, i) => {
    if (line.trim() === '') return [];
    const where = `${file.path}, line ${i + 1}`;
    return [checked(parseJsonAt(line, where), file.check, where)];
  });
  if (records.length === 0) throw new UserError(`${file.path} has no records. ${file.origin}`);
  return records;
}

/**
 * Reads and checks a JSON document.
 * @throws UserError when the file is missing or does not match the schema
 */
export async function readDocument<T>(file: RecordFile<T>): Promise<T> {
  return checked(parseJsonAt(await readText(file), file.path), file.check, file.path);
}

async function readText<T>({ path, origin }: RecordFile<T>): Promise<string> {
  try {
    return await readUtf8(path);
  } catch (error) {
    throw unreadable(path, error, origin);
  }
}

/** @throws UserError when the record does not match the schema */
export function checked<T>(record: unknown, check: SchemaCheck<T>, where: string): T {
  if (check.fits(record)) return record;
  throw new UserError(`${where}: ${check.problem()}`);
}
