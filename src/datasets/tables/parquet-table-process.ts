import { answerParent } from '../../shared/watched-process.js';
import { openParquetRows, type ParquetRows } from './parquet-rows.js';
import type { TableRequest } from './table.js';

/*
 * Reads the rows of a Parquet file in a separate process, which parquet-table.ts starts and ends, for the same reason as
 * datasets/parquet-process.ts. The first request opens the file, the following ones read images.
 */

export type ParquetTableRequest =
  | { kind: 'open'; path: string; request: TableRequest }
  | { kind: 'image'; row: number };
export type ParquetTableAnswer = Pick<ParquetRows, 'rows' | 'imageKeys'> | Uint8Array;

let table: ParquetRows | null = null;

answerParent<ParquetTableRequest, ParquetTableAnswer>(async (asked) => {
  if (asked.kind === 'image') return table!.image(asked.row);
  table = await openParquetRows(asked.path, asked.request);
  return { rows: table.rows, imageKeys: table.imageKeys };
});
