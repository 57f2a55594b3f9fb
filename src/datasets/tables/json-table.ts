import { stat } from 'node:fs/promises';
import { ImageError, UserError } from '../../shared/errors.js';
import { parseJsonAt } from '../../shared/parse-json.js';
import { unreadable } from '../../shared/system-errors.js';
import { readUtf8 } from '../../shared/utf8-text.js';
import { contentKey, decodeImage } from './base64-image.js';
import { type Cell, MAX_TABLE_ROWS, stampOfRow, type Table, type TableRequest } from './table.js';

/** A string may not be longer in V8. */
const MAX_BYTES = 2 ** 29 - 2 ** 10;

/**
 * Reads a JSON document with a list of records, or JSON Lines. Images in a column are kept as text until they are read.
 * @throws UserError naming the line or record that is no JSON object
 */
export async function openJsonTable(path: string, request: TableRequest): Promise<Table> {
  const records = parseRecords(await readText(path, request.origin), path, request.list);
  if (records.length > MAX_TABLE_ROWS) throw new UserError(`${path} has more than ${MAX_TABLE_ROWS} records.`);
  const rows: Record<string, Cell>[] = [];
  const images: (Cell | undefined)[] = [];
  records.forEach(({ value }, i) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new UserError(`${records[i]!.where}: a question must be a JSON object, not ${kindOf(value)}.`);
    }
    const record = value as Record<string, unknown>;
    const cells: Record<string, Cell> = {};
    for (const column of request.columns) {
      const cell = fieldOf(record, column);
      if (cell !== undefined) cells[column] = cell;
    }
    rows.push(cells);
    if (request.image !== null) images.push(fieldOf(record, request.image) ?? null);
  });
  const where = (row: number): string => records[row]!.where;
  return {
    path,
    rows,
    ...(request.image === null
      ? {}
      : { imageKeys: images.map((cell, row) => (cell === null || cell === '' ? null : keyOf(cell, row, request))) }),
    where,
    async image(row) {
      const cell = images[row];
      if (typeof cell !== 'string') throw new ImageError('unreadable', `${where(row)}: the image is not text`);
      return decodeImage(cell, where(row));
    },
    stamp: (row) => stampOfRow(path, row),
    async close() {},
  };
}

function keyOf(cell: Cell, row: number, { hashImages }: TableRequest): string {
  return hashImages && typeof cell === 'string' ? contentKey(cell) : String(row);
}

async function readText(path: string, origin: string): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > MAX_BYTES) {
      throw new UserError(
        `${path} has ${size} bytes, more than the limit of ${MAX_BYTES} for JSON. Use a TSV or Parquet file.`,
      );
    }
    return await readUtf8(path);
  } catch (error) {
    throw unreadable(path, error, origin);
  }
}

interface ParsedRecord {
  value: unknown;
  where: string;
}

function parseRecords(text: string, path: string, list: string | undefined): ParsedRecord[] {
  if (list !== undefined || text.trimStart().startsWith('[')) {
    const document = parseJsonAt(text, path);
    const records = list === undefined ? document : fieldOf(document as Record<string, unknown>, list);
    if (!Array.isArray(records)) throw new UserError(`${path} has no list "${list}" of questions.`);
    return records.map((value, i) => ({ value, where: `${path}, record ${i + 1}` }));
  }
  return text.split('\n').flatMap((line, i) => {
    const where = `${path}, line ${i + 1}`;
    return line.trim() === '' ? [] : [{ value: parseJsonAt(line, where), where }];
  });
}

/** The value of an own field; "a.b" is a field of a field, unless there is a field of that very name. */
export function fieldOf(record: unknown, name: string): unknown {
  if (typeof record !== 'object' || record === null) return undefined;
  if (Object.hasOwn(record, name)) return (record as Record<string, unknown>)[name];
  const dot = name.indexOf('.');
  return dot < 0 ? undefined : fieldOf(fieldOf(record, name.slice(0, dot)), name.slice(dot + 1));
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`;
}
