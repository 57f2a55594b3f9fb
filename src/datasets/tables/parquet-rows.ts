import type { FileMetaData, SchemaTree } from 'hyparquet';
import { ImageError } from '../../shared/errors.js';
import { decodeUtf8 } from '../../shared/utf8-text.js';
import { checkImageBytes } from '../image-source.js';
import { cachedCells } from '../parquet-cells.js';
import {
  openParquetFile,
  type ParquetFile,
  readParquetColumn,
  readWholeColumn,
  rowGroupRanges,
} from '../parquet-file.js';
import { contentKey, decodeImage } from './base64-image.js';
import { checkColumns } from './separated-table.js';
import type { Cell, TableRequest } from './table.js';

/** The rows of a Parquet file, read in the process that `parquet-table-process.ts` runs in. */
export interface ParquetRows {
  rows: Record<string, Cell>[];
  imageKeys: (string | null)[] | null;
  image(row: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** @throws UserError when the file is damaged or lacks a column */
export async function openParquetRows(path: string, request: TableRequest): Promise<ParquetRows> {
  const opened = await openParquetFile(path);
  const file = request.image === null ? opened : { ...opened, metadata: withBytes(opened.metadata, request.image) };
  try {
    const titles = file.columns.map(({ element }) => element.name);
    checkColumns(path, titles, request);
    const count = rowGroupRanges(file.metadata).at(-1)?.end ?? 0;
    const rows: Record<string, Cell>[] = Array.from({ length: count }, () => ({}));
    for (const column of request.columns.filter((name) => titles.includes(name))) {
      const cells = await readWholeColumn(file, column);
      cells.forEach((cell, row) => {
        if (cell !== null && cell !== undefined) rows[row]![column] = plain(cell, `${path}, row ${row + 1}, ${column}`);
      });
    }
    const imageKeys = request.image === null ? null : await keysOf(file, request.image, request.hashImages, count);
    const isText = isTextColumn(opened, request.image);
    const cellAt = cachedCells({
      bytesOf: (file, group) => bytesOf(file, group, request.image!),
      read: (file, range) => readParquetColumn(file, request.image!, range),
    });
    return {
      rows,
      imageKeys,
      image: async (row) => imageOf(await cellAt(file, row), isText, `${path}, row ${row + 1}`),
      close: file.close,
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** The metadata with a text column declared as bytes: base64 texts of gigabytes do not belong on the heap. */
function withBytes(metadata: FileMetaData, column: string): FileMetaData {
  return {
    ...metadata,
    schema: metadata.schema.map((element) => {
      if (element.name !== column || element.type !== 'BYTE_ARRAY') return element;
      const { converted_type: _, logical_type: __, ...bytes } = element;
      return bytes;
    }),
  };
}

function isTextColumn({ columns }: ParquetFile, column: string | null): boolean {
  const element = columns.find(({ element }) => element.name === column)?.element;
  return element?.converted_type === 'UTF8' || element?.logical_type?.type === 'STRING';
}

/**
 * JSON values for what Parquet has besides: bytes are text, large integers too, dates in ISO 8601.
 * @throws UserError for bytes that are not UTF-8
 */
function plain(value: unknown, where: string): Cell {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value instanceof Uint8Array) return decodeUtf8(Buffer.from(value), where);
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map((one) => plain(one, where));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, plain(field, where)]));
}

/** A hash of each image, or its row; null where there is none. Row groups with images are read one after the other. */
async function keysOf(file: ParquetFile, column: string, hashed: boolean, count: number): Promise<(string | null)[]> {
  const optional = file.columns.find(({ element }) => element.name === column)!;
  if (!hashed && isRequired(optional)) return Array.from({ length: count }, (_, row) => String(row));
  const keys: (string | null)[] = [];
  for (const rows of rowGroupRanges(file.metadata)) {
    const known = new Map<unknown, string>(); // equal images of a dictionary are the same object
    for (const cell of await readParquetColumn(file, column, rows)) {
      const content = contentOf(cell);
      if (content === null ? isNothing(cell) : content.length === 0) keys.push(null);
      // What is no image, such as a list of them or only a path, fails when it is read.
      else if (content === null || !hashed) keys.push(String(keys.length));
      else {
        const key = known.get(content) ?? contentKey(content);
        known.set(content, key);
        keys.push(key);
      }
    }
  }
  return keys;
}

function isRequired({ element }: SchemaTree): boolean {
  return element.repetition_type === 'REQUIRED';
}

/** Bytes or base64 text in an image cell: datasets have a record with `bytes`, or the content alone. */
function contentOf(cell: unknown): Uint8Array | string | null {
  if (cell instanceof Uint8Array || typeof cell === 'string') return cell;
  const bytes = (cell as { bytes?: unknown } | null | undefined)?.bytes;
  return bytes instanceof Uint8Array ? bytes : null;
}

/** null, an empty list, and a record of nothing but nulls. */
function isNothing(cell: unknown): boolean {
  if (cell === null || cell === undefined) return true;
  return typeof cell === 'object' && Object.values(cell).every((value) => value === null || value === undefined);
}

function imageOf(cell: unknown, isText: boolean, where: string): Uint8Array {
  const content = contentOf(cell);
  if (content === null) throw new ImageError('unreadable', `${where}: the image is neither bytes nor base64`);
  if (typeof content === 'string') return decodeImage(content, where);
  if (isText) return decodeImage(Buffer.from(content).toString('latin1'), where);
  checkImageBytes(where, content.length);
  return content.slice(); // the row group is cached
}

function bytesOf({ metadata }: ParquetFile, group: number, column: string): number {
  return metadata.row_groups[group]!.columns.reduce(
    (sum, { meta_data: chunk }) =>
      sum + (chunk?.path_in_schema[0] === column ? Number(chunk.total_uncompressed_size) : 0),
    0,
  );
}
