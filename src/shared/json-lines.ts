import { createHash } from 'node:crypto';
import { existsSync, readSync } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { countOf } from './count-of.js';
import { messageOf, UserError } from './errors.js';
import { type Ownership, syncFolder, temporaryPath } from './json-file.js';
import type { SchemaCheck } from './json-schema.js';
import { parseJson } from './parse-json.js';
import { systemReason } from './system-errors.js';

const CHUNK_BYTES = 1 << 20;
const DAMAGE_EXAMPLES = 5;
const MAX_LINE_BYTES = 1 << 26; // far above any valid line; a damaged file must not exhaust memory
const NEWLINE = 0x0a;

/*
 * A line is a JSON object whose last key is `check`: the first 8 hex digits of the SHA-256 of the bytes before the comma
 * that precedes this key. It reveals lines that are incomplete or were changed, and the file remains valid JSON Lines for
 * other programs.
 */
const CHECK_DIGITS = 8;
const CHECK_HEAD = ',"check":"';
const CHECK_TAIL = '"}\n';
const CHECK_BYTES = CHECK_HEAD.length + CHECK_DIGITS + CHECK_TAIL.length;

/** Position of a line in its file; `bytes` includes the newline. */
export interface LineSpan {
  offset: number;
  bytes: number;
}

/** Damaged lines, whose content is lost; `examples` has the first few line numbers. */
export interface Damage {
  lines: number;
  /** The first few, as "line 12 (its checksum is wrong)". */
  examples: string[];
}

/** A file of one JSON object per line that is appended to in complete, flushed lines. */
export interface JsonLinesFile<T> {
  /** Damaged lines found on opening. They stay in the file. */
  damage: Damage;
  /** Bytes of an incomplete last line that were removed on opening. */
  droppedBytes: number;
  /**
   * Appends lines in one write and flushes them: once this resolves, they survive a crash.
   * Calls must not overlap. @throws UserError if writing fails; the file is then unchanged
   */
  append(values: readonly T[]): Promise<LineSpan[]>;
  /** The line's bytes, newline included. @throws UserError when they are not as they were written */
  readLine(span: LineSpan): Buffer;
  /** Reads all lines again. @returns what was skipped */
  rescan(onLine: OnLine<T>): Promise<Damage>;
  close(): Promise<void>;
}

/** Called for every valid line in file order. */
export type OnLine<T> = (value: T, span: LineSpan) => void;

/**
 * Opens a file for appending, creates it if necessary, and reports the existing lines. A last line without a newline, left
 * by a process that died while writing, was never acknowledged and is removed. Damaged lines are skipped and reported in
 * `damage`.
 * @throws UserError naming the line if an intact one does not match the schema
 */
export async function openJsonLines<T extends object>(
  path: string,
  check: SchemaCheck<T>,
  onLine: OnLine<T>,
  owner?: Ownership,
): Promise<JsonLinesFile<T>> {
  const { end, size, damage } = await scanIfThere(path, check, onLine);
  const file = await copyForAppending(path, end, owner);
  return appendable(file, path, check, end, { damage, droppedBytes: size - end }, owner);
}

type Scan = Awaited<ReturnType<typeof scan>>;

async function scanIfThere<T>(path: string, check: SchemaCheck<T>, onLine: OnLine<T>): Promise<Scan> {
  if (!existsSync(path)) return { end: 0, size: 0, damage: { lines: 0, examples: [] } };
  const file = await openOrFail(path, 'r');
  try {
    return await scan(file, path, check, onLine);
  } finally {
    await file.close();
  }
}

/**
 * Puts a copy of a file in its place and opens it. An earlier owner of the folder that was frozen and wakes up has the file
 * open that is replaced: what it still appends goes nowhere, which no check of its own could guarantee.
 * @param end bytes that are kept
 */
async function copyForAppending(path: string, end: number, owner: Ownership | undefined): Promise<FileHandle> {
  const temporary = temporaryPath(path, owner);
  const file = await openOrFail(temporary, owner ? 'a+' : 'ax+', path);
  try {
    await file.truncate(0);
    if (end > 0) await copyBytes(path, end, file);
    await file.sync();
    await owner?.check();
    await rename(temporary, path);
    await syncFolder(dirname(path));
    return file;
  } catch (error) {
    await file.close();
    await rm(temporary, { force: true }).catch(() => {});
    if (error instanceof UserError) throw error;
    throw new UserError(`${path} cannot be written: ${systemReason(error, path)}`, { cause: error });
  }
}

async function copyBytes(path: string, count: number, to: FileHandle): Promise<void> {
  const from = await openOrFail(path, 'r');
  try {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    for (let done = 0; done < count; ) {
      const { bytesRead } = await from.read(chunk, 0, Math.min(CHUNK_BYTES, count - done), done);
      if (bytesRead === 0) throw new UserError(`${path} became shorter while it was read.`);
      await to.appendFile(chunk.subarray(0, bytesRead));
      done += bytesRead;
    }
  } finally {
    await from.close();
  }
}

/** Reads a file without changing it. @returns the damaged lines @throws UserError like `openJsonLines` */
export async function readJsonLines<T extends object>(
  path: string,
  check: SchemaCheck<T>,
  onLine: OnLine<T>,
): Promise<Damage> {
  const file = await openOrFail(path, 'r');
  try {
    return (await scan(file, path, check, onLine)).damage;
  } finally {
    await file.close();
  }
}

/** "a.jsonl: 2 damaged lines: line 3 (its checksum is wrong), line 9 (...)" */
export function describeDamage(path: string, { lines, examples }: Damage): string {
  const more = lines > examples.length ? ' ...' : '';
  return `${path}: ${countOf(lines, 'damaged line')}: ${examples.join(', ')}${more}`;
}

async function openOrFail(path: string, flags: string, named = path): Promise<FileHandle> {
  try {
    return await open(path, flags);
  } catch (error) {
    throw new UserError(`${named} cannot be opened: ${systemReason(error, named)}`, { cause: error });
  }
}

function appendable<T extends object>(
  file: FileHandle,
  path: string,
  check: SchemaCheck<T>,
  end: number,
  found: Pick<JsonLinesFile<T>, 'damage' | 'droppedBytes'>,
  owner: Ownership | undefined,
): JsonLinesFile<T> {
  return {
    ...found,
    async append(values) {
      const lines = values.map((value) => {
        if (!check.fits(value)) throw new Error(`a line of ${path} would be invalid: ${check.problem()}`);
        return sealed(value);
      });
      if (lines.length === 0) return [];
      await owner?.check();
      const { size } = await file.stat();
      if (size !== end) {
        throw new UserError(`${path} was changed by another program: it has ${size} bytes instead of ${end}.`);
      }
      try {
        await file.appendFile(Buffer.concat(lines));
        await file.sync();
      } catch (error) {
        await file.truncate(end).catch(() => {}); // otherwise the next line would be appended to half a line
        throw new UserError(`${path} cannot be written: ${systemReason(error, path)}`, { cause: error });
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
      const opened = unsealed(line);
      if ('problem' in opened)
        throw new UserError(`${path}: a line was changed after it was written: ${opened.problem}.`);
      return line;
    },
    rescan: async (onLine) => (await scan(file, path, check, onLine)).damage,
    close: () => file.close(),
  };
}

/** Serialises a value as a line with checksum. */
function sealed(value: object): Buffer {
  const content = Buffer.from(JSON.stringify(value).slice(0, -1));
  return Buffer.concat([content, Buffer.from(`${CHECK_HEAD}${checksum(content)}${CHECK_TAIL}`)]);
}

function checksum(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex').slice(0, CHECK_DIGITS);
}

/**
 * Reads all lines. @returns the end of the last complete line and the size of the file, in bytes
 * @throws UserError for an intact line that does not match the schema
 */
async function scan<T>(
  file: FileHandle,
  path: string,
  check: SchemaCheck<T>,
  onLine: OnLine<T>,
): Promise<{ end: number; size: number; damage: Damage }> {
  const damage: Damage = { lines: 0, examples: [] };
  let lineNumber = 0;
  let end = 0;
  let size = 0;
  for await (const lines of linesOf(file)) {
    for (const { bytes, whole } of lines) {
      lineNumber++;
      const span = { offset: size, bytes: bytes.length };
      size += bytes.length;
      if (!whole) continue;
      end = size;
      const opened = unsealed(bytes);
      if ('problem' in opened) {
        damage.lines++;
        if (damage.examples.length < DAMAGE_EXAMPLES) damage.examples.push(`line ${lineNumber} (${opened.problem})`);
        continue;
      }
      if (!check.fits(opened.value)) {
        throw new UserError(
          `${path}, line ${lineNumber}: ${check.problem()}. The line is from another version of llavahr. Start over with --fresh.`,
        );
      }
      onLine(opened.value, span);
    }
  }
  return { end, size, damage };
}

/** Parses a line and verifies its checksum. */
function unsealed(line: Buffer): { value: unknown } | { problem: string } {
  if (line.length > MAX_LINE_BYTES) return { problem: `longer than ${MAX_LINE_BYTES} bytes` };
  const content = line.subarray(0, -CHECK_BYTES);
  const seal = line.toString('latin1', content.length);
  if (!seal.startsWith(CHECK_HEAD) || !seal.endsWith(CHECK_TAIL)) return { problem: 'it has no checksum' };
  if (seal !== `${CHECK_HEAD}${checksum(content)}${CHECK_TAIL}`) return { problem: 'its checksum is wrong' };
  try {
    return { value: parseJson(`${content.toString('utf8')}}`) };
  } catch (error) {
    return { problem: `not JSON (${messageOf(error)})` };
  }
}

/** A line with its newline; not `whole` if it has none at the end of the file, or is too long. */
interface Line {
  bytes: Buffer;
  whole: boolean;
}

/** Yields the lines of a file, chunk by chunk. */
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
