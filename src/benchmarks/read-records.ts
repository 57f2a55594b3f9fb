import { readFile } from 'node:fs/promises';
import { messageOf, UserError } from '../errors.js';
import type { SchemaCheck } from '../json-schema.js';

/** An annotation file: how its records must look, and what it is and where it comes from, for who does not have it. */
export interface RecordFile<T> {
  path: string;
  check: SchemaCheck<T>;
  /** Whole sentences, said when the file is missing. */
  origin: string;
}

/**
 * Reads the records of a JSON document that has them as a list under a key.
 * @throws UserError when the file is missing, or naming the first record that is broken
 */
export async function readRecords<T>(file: RecordFile<T>, key: string): Promise<T[]> {
  const text = await readText(file);
  const document: unknown = parse(text, file.path);
  const records = (document as Record<string, unknown> | null)?.[key];
  if (!Array.isArray(records)) throw new UserError(`${file.path} has no list "${key}". ${file.origin}`);
  if (records.length === 0) throw new UserError(`${file.path} has no records. ${file.origin}`);
  return records.map((record, i) => checked(record, file.check, `${file.path}, record ${i + 1} of "${key}"`));
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

async function readText<T>({ path, origin }: RecordFile<T>): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const problem = isMissing ? `does not exist. ${origin}` : `cannot be read: ${messageOf(error)}`;
    throw new UserError(`${path} ${problem}`, { cause: error });
  }
}

function parse(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UserError(`${where} is not JSON: ${messageOf(error)}`, { cause: error });
  }
}

function checked<T>(record: unknown, check: SchemaCheck<T>, where: string): T {
  if (check.fits(record)) return record;
  throw new UserError(`${where}: ${check.problem()}`);
}
