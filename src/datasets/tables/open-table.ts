import { extname } from 'node:path';
import type { Table, TableRequest } from './table.js';

type Reader = (path: string, request: TableRequest) => Promise<Table>;

/** Loaded when needed, with their libraries: most commands read no table. */
const readSeparated = async (): Promise<Reader> => (await import('./separated-table.js')).openSeparatedTable;
const readParquet = async (): Promise<Reader> => (await import('./parquet-table.js')).openParquetTable;
const readJson = async (): Promise<Reader> => (await import('./json-table.js')).openJsonTable;

const READERS: Readonly<Record<string, () => Promise<Reader>>> = {
  '.csv': readSeparated,
  '.tsv': readSeparated,
  '.parquet': readParquet,
};

/**
 * Reads a file with a row per question, by its ending: CSV, TSV or Parquet, and any other as JSON or JSON Lines.
 * @throws UserError when the file cannot be read
 */
export async function openTable(path: string, request: TableRequest): Promise<Table> {
  const reader = await (READERS[extname(path).toLowerCase()] ?? readJson)();
  return reader(path, request);
}
