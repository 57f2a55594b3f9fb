import type { ColumnMetaData, FileMetaData, RowGroup, SchemaTree } from 'hyparquet';
import { type ParquetFile, type RowRange, readParquetColumn } from './parquet-file.js';

/** A column of records with the encoded `bytes` and, in most files, the `path` they had. */
export const IMAGE = 'image';

/** The column of images, or null without one (a list of images is none). */
export function imageColumn({ columns }: ParquetFile): SchemaTree | null {
  const column = columns.find(({ element }) => element.name === IMAGE);
  return column && fieldOf(column, 'bytes')?.element.type === 'BYTE_ARRAY' ? column : null;
}

export function fieldOf(column: SchemaTree, name: string): SchemaTree | undefined {
  return column.children.find(({ element }) => element.name === name);
}

/** The directory without a field of the image column, for the reader selects whole columns only. */
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

/** Where a row group has the encoded images. */
export function imageBytesChunk({ columns }: RowGroup): ColumnMetaData | undefined {
  return columns.find(({ meta_data: chunk }) => isField(chunk, 'bytes'))?.meta_data;
}

function isField(chunk: ColumnMetaData | undefined, field: string): boolean {
  return chunk?.path_in_schema.join('.') === `${IMAGE}.${field}`;
}

/** A text column's value, whose bytes hyparquet leaves as they are; empty for null. */
export function textOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  return value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : String(value);
}

/** The bytes of the rows' images, null where a row has none. */
export async function readImages(file: ParquetFile, rows: RowRange): Promise<unknown[]> {
  const images = await readParquetColumn(file, IMAGE, rows, withoutField(file, 'path'));
  return images.map((image) => (image as { bytes?: unknown } | null | undefined)?.bytes ?? null);
}
