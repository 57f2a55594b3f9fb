import { ImageError, messageOf } from '../shared/errors.js';
import { type ParquetFile, type RowRange, rowGroupRanges } from './parquet-file.js';

/**
 * Row groups up to this size are read and cached completely; of larger ones only the row's page, if there is an index.
 */
const MAX_KEPT_BYTES = 256 * 1024 * 1024;
/** Two, since questions may alternate between neighbouring groups. */
const KEPT_GROUPS = 2;

/** How the cells of a column are read. */
export interface CellColumn {
  /** Uncompressed bytes of the column in a row group. */
  bytesOf(file: ParquetFile, group: number): number;
  read(file: ParquetFile, rows: RowRange): Promise<unknown[]>;
}

/**
 * Reads single cells of a column, caching the row groups that were read last.
 * @throws ImageError naming file and row when they cannot be read
 */
export function cachedCells({ bytesOf, read }: CellColumn): (file: ParquetFile, row: number) => Promise<unknown> {
  const kept = new Map<string, Promise<unknown[]>>();
  return async (file, row) => {
    const rows = rowsAround(file, row, bytesOf);
    const key = JSON.stringify([file.path, rows.start, rows.end]);
    const known = kept.get(key);
    const cells = known ?? read(file, rows);
    kept.delete(key);
    kept.set(key, cells);
    if (kept.size > KEPT_GROUPS) kept.delete(kept.keys().next().value!);
    try {
      return (await cells)[row - rows.start];
    } catch (error) {
      kept.delete(key);
      const message = `${file.path}, row ${row}, cannot be read: ${messageOf(error)}`;
      throw new ImageError('unreadable', message, { cause: error });
    }
  };
}

/** The rows to read together with a row. */
function rowsAround(file: ParquetFile, row: number, bytesOf: CellColumn['bytesOf']): RowRange {
  const groups = rowGroupRanges(file.metadata);
  const index = groups.findIndex(({ end }) => row < end);
  return bytesOf(file, index) <= MAX_KEPT_BYTES ? groups[index]! : { start: row, end: row + 1 };
}
