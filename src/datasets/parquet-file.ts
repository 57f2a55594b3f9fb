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

/** Far above a page, a column of a row group and a directory of the benchmarks' files; more is not read into memory. */
const MAX_READ_BYTES = 2 ** 30;
/** Read from the end at first; a directory that is longer takes a second read. */
const DIRECTORY_BYTES = 64 << 10;
/** Far above the rows of any benchmark. */
const MAX_ROWS = 10_000_000;

/** A parquet file whose directory has been read. */
export interface ParquetFile {
  path: string;
  metadata: FileMetaData;
  /** As in the directory's schema. */
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
 * Opens a parquet file and reads its directory.
 * @throws UserError naming the file when it cannot be read or is no (whole) parquet file
 */
export async function openParquetFile(path: string): Promise<ParquetFile> {
  const handle = await open(path, 'r').catch((error) => {
    throw new UserError(`${path} cannot be opened: ${messageOf(error)}`, { cause: error });
  });
  try {
    const { size } = await handle.stat();
    const buffer = boundedBuffer(size, (start, end) => readRange(handle, start, end));
    return await readParquetDirectory(path, buffer, () => handle.close());
  } catch (error) {
    await handle.close();
    throw notParquet(path, error);
  }
}

/** Reads the directory of a file behind any buffer. @throws Error without the file's name when it is no parquet file */
export async function readParquetDirectory(
  path: string,
  buffer: AsyncBuffer,
  close: () => Promise<void>,
): Promise<ParquetFile> {
  const metadata = await parquetMetadataAsync(buffer, { initialFetchSize: DIRECTORY_BYTES });
  checkRows(metadata);
  const schema = parquetSchema(metadata);
  checkChunks(metadata, schema);
  return { path, metadata, columns: schema.children, buffer, close };
}

/** For a file that turns out to be broken. */
export function notParquet(path: string, cause: unknown): UserError {
  return new UserError(`${path} cannot be read as a parquet file: ${messageOf(cause)}. Download it again.`, { cause });
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
 * The values of one column in rows of one row group; byte arrays that are not declared as text stay bytes. More columns
 * or groups at once are not asked for: of several, the reader leaves a second failure without a handler, which would end
 * the process.
 * @param metadata in place of the file's own, with fewer fields of the column
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

/** A file's bytes by range, within its bounds and those of the memory: it is never read as a whole. */
export function boundedBuffer(
  byteLength: number,
  read: (start: number, end: number) => Promise<ArrayBuffer>,
): AsyncBuffer {
  return {
    byteLength,
    slice(start, end = byteLength) {
      const isWithin = start >= 0 && end >= start && end <= byteLength;
      if (!isWithin) throw new Error(`it names the bytes ${start} to ${end} of ${byteLength}`);
      checkBytes(end - start);
      const bytes = read(start, end);
      // The reader asks for ranges ahead; one that it no longer awaits after an error must not end the process.
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

/** The values of one column in all rows. @throws UserError naming the file when it is broken */
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

/** The decompressors allocate what the page's header says. */
const BOUNDED_COMPRESSORS: Compressors = Object.fromEntries(
  Object.entries({
    ...compressors,
    // Without an array of the declared size it would allocate what the compressed bytes say.
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
  throw new Error(`${bytes} bytes would have to be in memory at once; at most ${MAX_READ_BYTES} are read`);
}

function checkRows({ row_groups: groups }: FileMetaData): void {
  const counts = groups.map(({ num_rows: rows }) => Number(rows));
  const rows = counts.reduce((sum, count) => sum + count, 0);
  if (counts.every((count) => count >= 0) && rows <= MAX_ROWS) return;
  throw new Error(`its row groups declare ${rows} rows; at most ${MAX_ROWS} are read`);
}

/** Every row group holds the columns of the schema, in its order; the reader relies on it. */
function checkChunks({ row_groups: groups }: FileMetaData, schema: SchemaTree): void {
  const expected = JSON.stringify(leafPaths(schema));
  const index = groups.findIndex(({ columns }) => {
    return JSON.stringify(columns.map(({ meta_data: chunk }) => chunk?.path_in_schema)) !== expected;
  });
  if (index >= 0) throw new Error(`row group ${index} has other columns than the schema`);
}

function leafPaths({ children, path }: SchemaTree): string[][] {
  return children.length === 0 ? [path] : children.flatMap(leafPaths);
}
