import { type FileHandle, open } from 'node:fs/promises';
import {
  type AsyncBuffer,
  type Compressors,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
  type SchemaTree,
} from 'hyparquet';
import { compressors, decompressZstd } from 'hyparquet-compressors';
import { messageOf, UserError } from '../shared/errors.js';
import { systemReason } from '../shared/system-errors.js';

/** Far above a page, a column of a row group or a footer in the benchmarks' files; more is not read into memory. */
const MAX_READ_BYTES = 2 ** 30;
/** Size of the first read from the end; a longer footer takes a second read. */
const FOOTER_BYTES = 64 << 10;
/** Far above the rows of any benchmark. */
const MAX_ROWS = 10_000_000;

/** A Parquet file whose footer has been read. */
export interface ParquetFile {
  path: string;
  metadata: FileMetaData;
  /** Columns of the schema. */
  columns: SchemaTree[];
  buffer: AsyncBuffer;
  close(): Promise<void>;
}

/** Rows of a file, counted from 0. */
export interface RowRange {
  start: number;
  /** Exclusive. */
  end: number;
}

/**
 * Opens a Parquet file and reads its footer.
 * @throws UserError naming the file when it cannot be read or is not a complete Parquet file
 */
export async function openParquetFile(path: string): Promise<ParquetFile> {
  const handle = await open(path, 'r').catch((error) => {
    throw new UserError(`${path} cannot be opened: ${systemReason(error, path)}`, { cause: error });
  });
  try {
    const { size } = await handle.stat();
    const buffer = boundedBuffer(size, (start, end) => readRange(handle, start, end));
    return await readParquetFooter(path, buffer, () => handle.close());
  } catch (error) {
    await handle.close();
    throw notParquet(path, error);
  }
}

/** Reads the footer from any buffer. @throws Error without the file's name when it is not a Parquet file */
export async function readParquetFooter(
  path: string,
  buffer: AsyncBuffer,
  close: () => Promise<void>,
): Promise<ParquetFile> {
  const metadata = await parquetMetadataAsync(buffer, { initialFetchSize: FOOTER_BYTES });
  checkRows(metadata);
  const schema = parquetSchema(metadata);
  checkChunks(metadata, schema);
  return { path, metadata, columns: schema.children, buffer, close };
}

/** The error for a damaged file. */
export function notParquet(path: string, cause: unknown): UserError {
  return new UserError(`${path} cannot be read as a Parquet file: ${messageOf(cause)}. Download it again.`, { cause });
}

/** The rows of each row group. */
export function rowGroupRanges({ row_groups: groups }: FileMetaData): RowRange[] {
  let start = 0;
  return groups.map(({ num_rows: count }) => {
    const range = { start, end: start + Number(count) };
    start = range.end;
    return range;
  });
}

/**
 * Reads one column in rows of one row group; byte arrays not declared as strings remain bytes. Only one column and
 * group at a time, because with several the reader leaves a second failure unhandled, which would end the process.
 * @param metadata replaces the file's own, with fewer fields of the column
 */
export async function readParquetColumn(
  file: ParquetFile,
  column: string,
  rows: RowRange,
  metadata: FileMetaData = file.metadata,
): Promise<unknown[]> {
  const records = await parquetReadObjects({
    file: file.buffer,
    metadata,
    columns: [column],
    rowStart: rows.start,
    rowEnd: rows.end,
    utf8: false,
    useOffsetIndex: true,
    compressors: BOUNDED_COMPRESSORS,
  });
  return records.map((record) => record[column]);
}

/** Gives access to byte ranges of a file; checks them against its size and the memory limit. */
export function boundedBuffer(
  byteLength: number,
  read: (start: number, end: number) => Promise<ArrayBuffer>,
): AsyncBuffer {
  return {
    byteLength,
    slice(start, end = byteLength) {
      const isWithin = start >= 0 && end >= start && end <= byteLength;
      if (!isWithin) throw new Error(`it refers to bytes ${start} to ${end} of ${byteLength}`);
      checkBytes(end - start);
      const bytes = read(start, end);
      // The reader prefetches ranges; one that it no longer awaits after an error must not end the process.
      bytes.catch(() => {});
      return bytes;
    },
  };
}

async function readRange(handle: FileHandle, start: number, end: number): Promise<ArrayBuffer> {
  const length = end - start;
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await handle.read(bytes, done, length - done, start + done);
    if (bytesRead === 0) throw new Error(`it ends at byte ${start + done}`);
    done += bytesRead;
  }
  return bytes.buffer;
}

/** Reads one column in all rows. @throws UserError naming the file when it is damaged */
export async function readWholeColumn(
  file: ParquetFile,
  column: string,
  metadata: FileMetaData = file.metadata,
): Promise<unknown[]> {
  try {
    const values: unknown[][] = [];
    for (const rows of rowGroupRanges(metadata)) values.push(await readParquetColumn(file, column, rows, metadata));
    return values.flat();
  } catch (error) {
    throw notParquet(file.path, error);
  }
}

/** Decompressors allocate the size declared in the page header, so check it first. */
const BOUNDED_COMPRESSORS: Compressors = Object.fromEntries(
  Object.entries({
    ...compressors,
    // Without an output array, it would allocate the size declared in the compressed bytes.
    ZSTD: (input: Uint8Array, length: number) => decompressZstd(input, new Uint8Array(length)),
  }).map(([codec, decompress]) => [
    codec,
    (input: Uint8Array, length: number) => {
      checkBytes(length);
      return decompress(input, length);
    },
  ]),
);

function checkBytes(bytes: number): void {
  if (bytes <= MAX_READ_BYTES) return;
  throw new Error(`it needs ${bytes} bytes in memory at once, more than the limit of ${MAX_READ_BYTES}`);
}

function checkRows({ row_groups: groups }: FileMetaData): void {
  const counts = groups.map(({ num_rows: rows }) => Number(rows));
  const rows = counts.reduce((sum, count) => sum + count, 0);
  if (counts.every((count) => count >= 0) && rows <= MAX_ROWS) return;
  throw new Error(`its row groups declare ${rows} rows, more than the limit of ${MAX_ROWS}`);
}

/** Checks that every row group has the columns of the schema in order, which the reader relies on. */
function checkChunks({ row_groups: groups }: FileMetaData, schema: SchemaTree): void {
  const expected = JSON.stringify(leafPaths(schema));
  const index = groups.findIndex(({ columns }) => {
    return JSON.stringify(columns.map(({ meta_data: chunk }) => chunk?.path_in_schema)) !== expected;
  });
  if (index >= 0) throw new Error(`the columns of row group ${index} differ from the schema`);
}

function leafPaths({ children, path }: SchemaTree): string[][] {
  return children.length === 0 ? [path] : children.flatMap(leafPaths);
}
