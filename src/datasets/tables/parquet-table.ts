import { existsSync } from 'node:fs';
import { ImageError, UserError } from '../../shared/errors.js';
import { startWatchedProcess } from '../../shared/watched-process.js';
import { PARQUET_HEAP_MEGABYTES, PARQUET_STALL_MS } from '../parquet-folder.js';
import type { ParquetRows } from './parquet-rows.js';
import type { ParquetTableAnswer, ParquetTableRequest } from './parquet-table-process.js';
import { stampOfRow, type Table, type TableRequest } from './table.js';

/**
 * Reads columns of a Parquet file and, on request, its images, in a separate process.
 * @throws UserError when the file is missing, damaged, or lacks a column
 */
export async function openParquetTable(path: string, request: TableRequest): Promise<Table> {
  if (!existsSync(path)) throw new UserError(`${path} does not exist. ${request.origin}`);
  const reader = startWatchedProcess<ParquetTableRequest, ParquetTableAnswer>(
    new URL('./parquet-table-process.js', import.meta.url),
    {
      heapMegabytes: PARQUET_HEAP_MEGABYTES,
      stallMs: PARQUET_STALL_MS,
      endedError: (how) => new UserError(`${path} is damaged: reading it ${how}. Download it again.`),
      failureError: ({ name, message, code }) =>
        name === 'ImageError' ? new ImageError(code as ImageError['code'], message) : new UserError(message),
    },
  );
  try {
    const { rows, imageKeys } = (await reader.ask({ kind: 'open', path, request })) as Pick<
      ParquetRows,
      'rows' | 'imageKeys'
    >;
    return {
      path,
      rows,
      ...(imageKeys === null ? {} : { imageKeys }),
      where: (row) => `${path}, row ${row + 1}`,
      image: (row) => reader.ask({ kind: 'image', row }) as Promise<Uint8Array>,
      stamp: (row) => stampOfRow(path, row),
      async close() {
        reader.close();
      },
    };
  } catch (error) {
    reader.close();
    throw error;
  }
}
