import { messageOf, UserError } from '../../shared/errors.js';
import { wholeText } from './text-lines.js';

/** A table row by column title. */
export type TableRow = Record<string, string | number | boolean | Date | null>;

/** Far above any workbook of answers; limits how much a small zip archive can unpack to. */
const MAX_WORKBOOK_BYTES = 1 << 30;

/**
 * Reads a table of comma- or tab-separated values with column titles in the first line (RFC 4180 quotes).
 * @throws UserError naming the position if it is malformed
 */
export async function readSeparatedTable(path: string, delimiter: ',' | '\t'): Promise<TableRow[]> {
  const text = await wholeText(path);
  const { parse } = await import('csv-parse/sync');
  try {
    return parse(text, {
      delimiter,
      columns: (titles: string[]) => checkTitles(titles, path),
      relax_column_count_less: true,
      skip_empty_lines: true,
    });
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${path} is not a valid table: ${messageOf(error)}`, { cause: error });
  }
}

/** @throws UserError for two columns of one name: nothing says which one is meant */
function checkTitles(titles: string[], path: string): string[] {
  const seen = new Set<string>();
  for (const title of titles) {
    if (title !== '' && seen.has(title)) {
      throw new UserError(
        `${path} has two columns ${JSON.stringify(title)}. Remove one of them, or give it another title.`,
      );
    }
    seen.add(title);
  }
  return titles;
}

/** Reads the first sheet of an Excel workbook. @throws UserError if it is damaged or unpacks to too many bytes */
export async function readWorkbook(path: string): Promise<TableRow[]> {
  try {
    await checkSize(path);
    const { readSheet } = await import('read-excel-file/node');
    const [titles, ...rows] = await readSheet(path, { trim: false });
    if (!titles) return [];
    checkTitles(
      titles.map((title) => (title === null ? '' : String(title))),
      path,
    );
    return rows.map((row) => Object.fromEntries(titles.map((title, i) => [String(title), cellOf(row[i])])));
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${path} cannot be read as an Excel workbook: ${messageOf(error)}`, { cause: error });
  }
}

/** A date stays one, which is no answer: the text it was made from is lost. */
function cellOf(cell: unknown): TableRow[string] {
  if (typeof cell === 'string' || typeof cell === 'number' || typeof cell === 'boolean') return cell;
  return cell instanceof Date ? cell : null;
}

async function checkSize(path: string): Promise<void> {
  const { openPromise } = await import('yauzl');
  const zip = await openPromise(path, { autoClose: false });
  try {
    let bytes = 0;
    for await (const { uncompressedSize } of zip.eachEntry()) bytes += uncompressedSize;
    if (bytes > MAX_WORKBOOK_BYTES) throw new UserError(`${path} unpacks to more than ${MAX_WORKBOOK_BYTES} bytes.`);
  } finally {
    zip.close();
  }
}
