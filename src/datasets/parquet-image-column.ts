import type { ColumnMetaData, FileMetaData, RowGroup, SchemaTree } from 'hyparquet';
import { decodeUtf8 } from '../shared/utf8-text.js';
import { type ParquetFile, type RowRange, readParquetColumn } from './parquet-file.js';

/** A column of records with the encoded `bytes` and, in most files, their original `path`. */
export const IMAGE = 'image';

/** The column of images, or null if there is none (a column of image lists does not count). */
export function imageColumn({ columns }: ParquetFile): SchemaTree | null {
  const column = columns.find(({ element }) => element.name === IMAGE);
  return column && fieldOf(column, 'bytes')?.element.type === 'BYTE_ARRAY' ? column : null;
}

export function fieldOf(column: SchemaTree, name: string): SchemaTree | undefined {
  return column.children.find(({ element }) => element.name === name);
}

/** The metadata without a field of the image column, because the reader only selects whole columns. */
export function withoutField(file: ParquetFile, field: string): FileMetaData {
  const { metadata } = file;
  const column = imageColumn(file)!;
  const removed = fieldOf(column, field)?.element;
  if (removed === undefined) return metadata;
  return {
    ...metadata,
    schema: metadata.schema
      .filter((element) => element !== removed)
      .map((element) =>
        element === column.element ? { ...element, num_children: element.num_children! - 1 } : element,
      ),
    row_groups: metadata.row_groups.map((group) => ({
      ...group,
      columns: group.columns.filter(({ meta_data: chunk }) => !isField(chunk, field)),
    })),
  };
}

/** The column chunk with a row group's encoded images. */
export function imageBytesChunk({ columns }: RowGroup): ColumnMetaData | undefined {
  return columns.find(({ meta_data: chunk }) => isField(chunk, 'bytes'))?.meta_data;
}

function isField(chunk: ColumnMetaData | undefined, field: string): boolean {
  return chunk?.path_in_schema.join('.') === `${IMAGE}.${field}`;
}

/** A string column's value, which hyparquet leaves as bytes; empty for null. */
export function textOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  return value instanceof Uint8Array ? decodeUtf8(Buffer.from(value), 'A text in a Parquet file') : String(value);
}

/** The rows' encoded images, null for a row without one. */
export async function readImages(file: ParquetFile, rows: RowRange): Promise<unknown[]> {
  const images = await readParquetColumn(file, IMAGE, rows, withoutField(file, 'path'));
  return images.map((image) => (image as { bytes?: unknown } | null | undefined)?.bytes ?? null);
}
