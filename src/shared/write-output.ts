import { constants, fstatSync, type Stats } from 'node:fs';
import { lstat, open, realpath, stat } from 'node:fs/promises';
import { UserError } from './errors.js';
import { replaceFile } from './json-file.js';
import { systemReason } from './system-errors.js';

export interface OutputOptions {
  /** For files that are rewritten every few seconds: not flushed to the disk, and skipped while a pipe has no reader. */
  isBeat?: boolean;
}

/** Failures to replace a file that can still be written to: bind mounts, and files in folders that cannot be. */
const NOT_REPLACEABLE: ReadonlySet<unknown> = new Set(['EBUSY', 'EXDEV', 'EACCES', 'EPERM', 'EROFS']);

/**
 * Writes a file that the user named. A regular file is replaced as a whole, so that readers never see half of it. Anything else
 * is written through and stays what it is: devices, pipes such as `>(gzip)`, links, bind-mounted files.
 * @throws UserError when it cannot be written
 */
export async function writeOutput(
  path: string,
  content: string,
  { isBeat = false }: OutputOptions = {},
): Promise<void> {
  try {
    await write(path, content, isBeat);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${path} cannot be written: ${systemReason(error, path)}`, { cause: error });
  }
}

async function write(path: string, content: string, isBeat: boolean): Promise<void> {
  const own = await lstat(path).catch(nullIfMissing);
  if (own === null) return replace(path, content, isBeat);
  const target = await stat(path).catch(nullIfMissing);
  if (target === null) return writeThrough(path, content, 'w'); // a link to a file that is not there yet
  const stream = standardStream(target);
  if (stream) return writeTo(stream, content);
  if (!target.isFile()) return writeThrough(path, content, isBeat ? WITHOUT_WAITING : 'a');
  const real = await realpath(path);
  if (target.nlink > 1) return writeThrough(real, content, 'w');
  try {
    await replace(real, content, isBeat);
  } catch (error) {
    if (!NOT_REPLACEABLE.has(codeOf(error))) throw error;
    await writeThrough(real, content, 'w').catch(() => {
      throw error;
    });
  }
}

const WITHOUT_WAITING = constants.O_WRONLY | constants.O_APPEND | constants.O_NONBLOCK;

async function writeThrough(path: string, content: string, flags: string | number): Promise<void> {
  try {
    const file = await open(path, flags);
    try {
      await file.writeFile(content);
    } finally {
      await file.close();
    }
  } catch (error) {
    const isNotRead = flags === WITHOUT_WAITING && ['ENXIO', 'EAGAIN'].includes(String(codeOf(error)));
    if (!isNotRead) throw error;
  }
}

function replace(path: string, content: string, isBeat: boolean): Promise<void> {
  return replaceFile(path, (file) => file.writeFile(content), undefined, { isFlushed: !isBeat });
}

/** stdout or stderr if it goes into this file: only through the stream itself does what follows come behind it. */
function standardStream({ dev, ino }: Stats): NodeJS.WriteStream | undefined {
  return [process.stdout, process.stderr].find(({ fd }) => {
    try {
      const open = fstatSync(fd);
      return open.dev === dev && open.ino === ino;
    } catch {
      return false; // closed
    }
  });
}

function writeTo(stream: NodeJS.WriteStream, content: string): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(content, (error) => (error ? reject(error) : resolve()));
  });
}

function nullIfMissing(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}

function codeOf(error: unknown): unknown {
  const { code, cause } = error as NodeJS.ErrnoException;
  return code ?? (cause as NodeJS.ErrnoException | undefined)?.code;
}
