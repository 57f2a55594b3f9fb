import { basename } from 'node:path';
import { type ImageStamp, stampOfFile } from '../image-source.js';

/** What is needed of a file with a row per question. */
export interface TableRequest {
  /** Where to get the file, in complete sentences; part of the error when it is missing. */
  origin: string;
  /** Columns to read; of a JSON record, "a.b" is the field b of its field a. */
  columns: readonly string[];
  /** Those of `columns` that a table may lack. */
  optional: readonly string[];
  /** Column with the encoded images, if they are in the table. */
  image: string | null;
  /** Whether to hash images, so that rows with equal ones can share them. */
  hashImages: boolean;
  /** JSON: field with the list of records, if the document is not the list itself. */
  list?: string;
  /** Who names a column, for messages: "task.json names in fields.id". */
  namedBy?: Readonly<Record<string, string>>;
}

/** A cell as the file has it: text of CSV and TSV files; JSON values; of Parquet files bytes are read as UTF-8. */
export type Cell = unknown;

/** The rows of a file. */
export interface Table {
  path: string;
  /** Values of the columns that a row has. */
  rows: readonly Readonly<Record<string, Cell>>[];
  /** Per row: what identifies the image's content (a hash, or the row), or null without an image. Absent without an image column. */
  imageKeys?: readonly (string | null)[];
  /** Names a row in messages, such as "questions.jsonl, line 3". */
  where(row: number): string;
  /** Encoded image of a row that has one. @throws ImageError when the cell has no image */
  image(row: number): Promise<Uint8Array>;
  /** See `ImageSource.stamp`. */
  stamp(row: number): Promise<ImageStamp | null>;
  close(): Promise<void>;
}

/** Stamp of the image in a row of a file: that of the file, which changes with any of its images. */
export async function stampOfRow(path: string, row: number): Promise<ImageStamp | null> {
  const file = await stampOfFile(path);
  return file && { bytes: null, mark: `${file.mark} ${basename(path)} ${row}` };
}

/** Far above the rows of any benchmark. */
export const MAX_TABLE_ROWS = 10_000_000;
