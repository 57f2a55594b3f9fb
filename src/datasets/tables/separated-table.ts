import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { parse } from 'csv-parse/sync';
import { ImageError, messageOf, UserError } from '../../shared/errors.js';
import { didYouMean } from '../../shared/known-names.js';
import { unreadable } from '../../shared/system-errors.js';
import { decodeUtf8 } from '../../shared/utf8-text.js';
import { fileError } from '../image-source.js';
import { contentKey, decodeImage } from './base64-image.js';
import { type Cell, MAX_TABLE_ROWS, stampOfRow, type Table, type TableRequest } from './table.js';

/** Far above any row with a base64 image; keeps a file that is no table from filling the memory. */
const MAX_ROW_BYTES = 256 * 1024 * 1024;

/**
 * Reads comma- or tab-separated values with column titles in the first line (RFC 4180 quotes). The file may have gigabytes of
 * images: it is read once as a stream, and images again one by one, by their rows' positions.
 * @throws UserError naming the line where the table is malformed
 */
export async function openSeparatedTable(path: string, request: TableRequest): Promise<Table> {
  const delimiter = path.toLowerCase().endsWith('.csv') ? ',' : '\t';
  const rows: Record<string, Cell>[] = [];
  const spans: Span[] = [];
  const imageKeys: (string | null)[] = [];
  let titles: readonly string[] | undefined;
  let imagePlace = -1;
  for await (const { text, span } of recordsOf(path, request.origin)) {
    const record = fieldsOf(text, delimiter, `${path}, record ${rows.length + 1}`);
    if (titles === undefined) {
      titles = record;
      checkTwice(path, titles, request);
      imagePlace = request.image === null ? -1 : titles.indexOf(request.image);
      continue;
    }
    if (rows.length === MAX_TABLE_ROWS) throw new UserError(`${path} has more than ${MAX_TABLE_ROWS} rows.`);
    if (record.length > titles.length) {
      throw new UserError(
        `${path}, row ${rows.length + 1} has ${record.length} fields, but there are ${titles.length} titles.`,
      );
    }
    const cells: Record<string, Cell> = {};
    titles.forEach((title, i) => {
      if (i !== imagePlace && record[i] !== undefined && request.columns.includes(title)) cells[title] = record[i];
    });
    const image = record[imagePlace] ?? '';
    imageKeys.push(image === '' ? null : request.hashImages ? contentKey(image) : String(rows.length));
    rows.push(cells);
    spans.push(span);
  }
  if (titles === undefined) throw new UserError(`${path} is empty.`);
  checkColumns(path, titles, request);
  const where = (row: number): string => `${path}, row ${row + 1}`;
  return {
    path,
    rows,
    ...(request.image === null ? {} : { imageKeys }),
    where,
    async image(row) {
      const text = await readSpan(path, spans[row]!);
      return decodeImage(fieldsOf(text, delimiter, where(row))[imagePlace] ?? '', where(row));
    },
    stamp: (row) => stampOfRow(path, row),
    async close() {},
  };
}

/** A record without its line end, by positions in the file. */
interface Span {
  start: number;
  end: number;
}

const QUOTE = 0x22;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const BYTE_ORDER_MARK = Buffer.from('\uFEFF');

/** A record and where it is. */
interface PlacedRecord {
  text: string;
  span: Span;
}

/** Streams the records of a file, each with its quotes: a line feed between quotes belongs to the record. Skips empty lines. */
async function* recordsOf(path: string, origin: string): AsyncGenerator<PlacedRecord> {
  let pending: Buffer = Buffer.alloc(0);
  let offset = 0; // of `pending` in the file
  let start = 0; // of the current record in `pending`
  let scanned = 0; // position in `pending`
  let isQuoted = false;
  for await (const chunk of chunksOf(path, origin)) {
    pending = Buffer.concat([pending.subarray(start), chunk]);
    offset += start;
    scanned -= start;
    start = 0;
    let quote = pending.indexOf(QUOTE, scanned);
    while (scanned < pending.length) {
      const line = pending.indexOf(LINE_FEED, scanned);
      const end = line < 0 ? pending.length : line;
      for (; quote >= 0 && quote < end; quote = pending.indexOf(QUOTE, quote + 1)) isQuoted = !isQuoted;
      scanned = end + 1;
      if (line < 0 || isQuoted) continue;
      const record = recordAt(pending, { start, end }, offset, path);
      if (record) yield record;
      start = scanned;
    }
    scanned = pending.length;
    if (pending.length - start > MAX_ROW_BYTES) {
      const cause = isQuoted ? 'a quotation mark is not closed' : 'it is no table, or has another encoding';
      throw new UserError(`${path} has a row of more than ${MAX_ROW_BYTES} bytes: ${cause}.`);
    }
  }
  if (isQuoted) throw new UserError(`${path} is truncated, or a quotation mark in it is not closed.`);
  const last = recordAt(pending, { start, end: pending.length }, offset, path);
  if (last) yield last;
}

/** @param offset of the buffer in the file @returns null for an empty line @throws UserError when it is not UTF-8 */
function recordAt(buffer: Buffer, { start, end }: Span, offset: number, path: string): PlacedRecord | null {
  const from = offset + start === 0 && buffer.subarray(0, 3).equals(BYTE_ORDER_MARK) ? 3 : start;
  const to = buffer[end - 1] === CARRIAGE_RETURN ? end - 1 : end;
  if (to <= from) return null;
  const span = { start: offset + from, end: offset + to };
  return { text: decodeUtf8(buffer.subarray(from, to), `${path}, at byte ${span.start}`), span };
}

async function* chunksOf(path: string, origin: string): AsyncGenerator<Buffer> {
  try {
    yield* createReadStream(path, { highWaterMark: 4 * 1024 * 1024 });
  } catch (error) {
    throw unreadable(path, error, origin);
  }
}

/** The fields of a record. Few records have quotes, and splitting at the delimiter is many times faster than parsing. */
function fieldsOf(text: string, delimiter: string, where: string): string[] {
  if (!text.includes('"')) return text.split(delimiter);
  try {
    return (parse(text, { delimiter }) as string[][])[0] ?? [];
  } catch (error) {
    throw new UserError(`${where} is not a valid row: ${messageOf(error)}`, { cause: error });
  }
}

/** @throws UserError listing the file's columns when it lacks one */
export function checkColumns(path: string, titles: readonly string[], request: TableRequest): void {
  const { columns, optional, image, namedBy = {} } = request;
  const required = columns.filter((column) => !optional.includes(column));
  const missing = [...required, ...(image === null ? [] : [image])].find((column) => !titles.includes(column));
  if (missing === undefined) return;
  const who = Object.hasOwn(namedBy, missing) ? `, which ${namedBy[missing]}` : '';
  throw new UserError(
    `${path} has no column "${missing}"${who}.${didYouMean(missing, titles)} Its columns are ${shownTitles(titles)}.`,
  );
}

/** @throws UserError when a column that is read is there twice: which of them is meant cannot be known */
function checkTwice(path: string, titles: readonly string[], { columns, image }: TableRequest): void {
  const read = [...columns, ...(image === null ? [] : [image])];
  const twice = read.find((column) => titles.indexOf(column) !== titles.lastIndexOf(column));
  if (twice !== undefined) throw new UserError(`${path} has two columns "${twice}". Rename one of them.`);
}

/** Titles for a message: a file that is no table may have thousands, or long ones. */
function shownTitles(titles: readonly string[]): string {
  const shown = titles.slice(0, 30).map((title) => (title.length > 40 ? `${title.slice(0, 40)}...` : title));
  return titles.length > shown.length
    ? `${shown.join(', ')} and ${titles.length - shown.length} more`
    : shown.join(', ');
}

async function readSpan(path: string, { start, end }: Span): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      const bytes = Buffer.alloc(end - start);
      const { bytesRead } = await file.read(bytes, 0, bytes.length, start);
      if (bytesRead < bytes.length) throw new ImageError('unreadable', `${path} became shorter while it was in use`);
      return bytes.toString('utf8');
    } finally {
      await file.close();
    }
  } catch (error) {
    throw error instanceof ImageError ? error : fileError(path, error);
  }
}
