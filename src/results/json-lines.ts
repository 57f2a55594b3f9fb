import { readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf, UserError } from '../errors.js';
import type { SchemaCheck } from '../json-schema.js';
import { syncFolder } from './write-json.js';

const CHUNK_BYTES = 1 << 20;
const MAX_LINE_BYTES = 1 << 26; // no line of ours comes near; a damaged file must not fill the memory
const NEWLINE = 0x0a;

/** Where a line is in its file: `bytes` includes the newline. */
export interface LineSpan {
  offset: number;
  bytes: number;
}

/** A file of one JSON value per line that grows by whole, flushed lines. */
export interface JsonLinesFile<T> {
  /** Bytes of a half-written last line that were cut off when the file was opened. */
  droppedBytes: number;
  /**
   * Adds lines in one write and flushes them to the disk: when this resolves, they survive a crash.
   * Calls must not overlap. @throws UserError when the disk refuses; the file then is as it was before
   */
  append(values: readonly T[]): Promise<LineSpan[]>;
  /** The line's bytes, newline included. */
  readLine(span: LineSpan): Buffer;
  close(): Promise<void>;
}

/** Called for every line in file order. */
export type OnLine<T> = (value: T, span: LineSpan) => void;

/**
 * Opens a file for appending, making it if need be, and reports the lines that are there. A torn last line, left by a
 * process that died while writing, was never acknowledged: it is cut off.
 * @throws UserError naming the line when one before the last is damaged
 */
export async function openJsonLines<T>(
  path: string,
  check: SchemaCheck<T>,
  onLine: OnLine<T>,
): Promise<JsonLinesFile<T>> {
  const file = await openOrFail(path, 'a+');
  try {
    const { end, size } = await scan(file, path, check, onLine);
    if (end < size) await file.truncate(end);
    await file.sync();
    await syncFolder(dirname(path));
    return appendable(file, path, check, end, size - end);
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Reads a file without changing it; a torn last line is passed over. @throws UserError as `openJsonLines` */
export async function readJsonLines<T>(path: string, check: SchemaCheck<T>, onLine: OnLine<T>): Promise<void> {
  const file = await openOrFail(path, 'r');
  try {
    await scan(file, path, check, onLine);
  } finally {
    await file.close();
  }
}

async function openOrFail(path: string, flags: string): Promise<FileHandle> {
  try {
    return await open(path, flags);
  } catch (error) {
    throw new UserError(`${path} cannot be opened: ${messageOf(error)}`, { cause: error });
  }
}

function appendable<T>(
  file: FileHandle,
  path: string,
  check: SchemaCheck<T>,
  end: number,
  droppedBytes: number,
): JsonLinesFile<T> {
  return {
    droppedBytes,
    async append(values) {
      const lines = values.map((value) => {
        if (!check.fits(value)) throw new Error(`a line of ${path} would be written wrong: ${check.problem()}`);
        return Buffer.from(`${JSON.stringify(value)}\n`);
      });
      try {
        await file.appendFile(Buffer.concat(lines));
        await file.sync();
      } catch (error) {
        await file.truncate(end).catch(() => {}); // else the next line would be glued to half a line
        throw new UserError(`${path} cannot be written: ${messageOf(error)}`, { cause: error });
      }
      return lines.map(({ length: bytes }) => {
        const span = { offset: end, bytes };
        end += bytes;
        return span;
      });
    },
    readLine({ offset, bytes }) {
      const line = Buffer.allocUnsafe(bytes);
      // Synchronous: a round trip through the thread pool for each of 200,000 lines takes ten times as long.
      if (readSync(file.fd, line, 0, bytes, offset) !== bytes) throw new UserError(`${path} has become shorter.`);
      return line;
    },
    close: () => file.close(),
  };
}

/**
 * Reads all lines. @returns the end of the last good line and the size of the file, in bytes
 * @throws UserError for a damaged line, unless it is the very last
 */
async function scan<T>(
  file: FileHandle,
  path: string,
  check: SchemaCheck<T>,
  onLine: OnLine<T>,
): Promise<{ end: number; size: number }> {
  let lineNumber = 0;
  let end = 0;
  let size = 0;
  let broken: string | null = null;
  for await (const lines of linesOf(file)) {
    for (const line of lines) {
      if (broken !== null) throw damaged(path, lineNumber, broken);
      lineNumber++;
      size += line.bytes.length;
      const parsed = parse(line);
      if ('problem' in parsed) {
        broken = parsed.problem;
        continue;
      }
      if (!check.fits(parsed.value)) throw damaged(path, lineNumber, check.problem());
      onLine(parsed.value, { offset: end, bytes: line.bytes.length });
      end = size;
    }
  }
  return { end, size };
}

function parse({ bytes, whole }: Line): { value: unknown } | { problem: string } {
  if (!whole) return { problem: bytes.length > MAX_LINE_BYTES ? `longer than ${MAX_LINE_BYTES} bytes` : 'cut off' };
  try {
    return { value: JSON.parse(bytes.toString('utf8')) };
  } catch (error) {
    return { problem: `not JSON (${messageOf(error)})` };
  }
}

function damaged(path: string, lineNumber: number, problem: string): UserError {
  return new UserError(
    `${path}, line ${lineNumber}: ${problem}. Remove that line to go on without it, or start over with --fresh.`,
  );
}

/** A line with its newline, or without one (not `whole`) at the end of the file and where it is too long. */
interface Line {
  bytes: Buffer;
  whole: boolean;
}

/** The lines of a file, a chunk's worth at a time. */
async function* linesOf(file: FileHandle): AsyncGenerator<Line[]> {
  let rest: Buffer = Buffer.alloc(0);
  for (let position = 0; ; ) {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES, position);
    if (bytesRead === 0) break;
    position += bytesRead;
    const bytes = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
    const lines: Line[] = [];
    let start = 0;
    for (let stop = bytes.indexOf(NEWLINE); stop >= 0; stop = bytes.indexOf(NEWLINE, start)) {
      lines.push({ bytes: bytes.subarray(start, stop + 1), whole: true });
      start = stop + 1;
    }
    rest = bytes.subarray(start);
    if (rest.length > MAX_LINE_BYTES) {
      lines.push({ bytes: rest, whole: false });
      rest = Buffer.alloc(0);
    }
    yield lines;
  }
  if (rest.length > 0) yield [{ bytes: rest, whole: false }];
}
