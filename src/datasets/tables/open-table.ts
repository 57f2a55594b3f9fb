import { extname } from 'node:path';
import { openJsonTable } from './json-table.js';
import { openParquetTable } from './parquet-table.js';
import { openSeparatedTable } from './separated-table.js';
import type { Table, TableRequest } from './table.js';

const READERS: Readonly<Record<string, (path: string, request: TableRequest) => Promise<Table>>> = {
  '.csv': openSeparatedTable,
  '.tsv': openSeparatedTable,
  '.parquet': openParquetTable,
};

/**
 * Reads a file with a row per question, by its ending: CSV, TSV or Parquet, and any other as JSON or JSON Lines.
 * @throws UserError when the file cannot be read
 */
export function openTable(path: string, request: TableRequest): Promise<Table> {
  return (READERS[extname(path).toLowerCase()] ?? openJsonTable)(path, request);
}
