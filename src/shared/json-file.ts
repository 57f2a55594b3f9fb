import { randomBytes } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { SchemaObject } from 'ajv';
import { messageOf, UserError } from './errors.js';
import { schemaCheck } from './json-schema.js';
import { parseJson } from './parse-json.js';
import { systemReason, unreadable } from './system-errors.js';
import { readUtf8 } from './utf8-text.js';

/** Proof that a folder is still this process's to write in; `lockFolder` gives it. */
export interface Ownership {
  /** Part of the names of temporary files: whoever takes the folder over deletes those of its earlier owner. */
  token: string;
  /** @throws UserError when another process took the folder over */
  check(): Promise<void>;
}

const TEMPORARY_NAME = /\.[0-9a-f]{16}\.tmp$/;

/** A name for the new content of a file, in the same folder; no file of the user's has it. */
export function temporaryPath(path: string, owner?: Ownership): string {
  return `${path}.${owner?.token ?? randomBytes(8).toString('hex')}.tmp`;
}

/** Whether a file is one that was being written. */
export function isTemporaryFile(name: string): boolean {
  return TEMPORARY_NAME.test(name);
}

/**
 * Replaces a file as a whole: written under a temporary name in the same folder, flushed to the disk, renamed.
 * A crash leaves the old file or the new one.
 * @param owner of the folder, which must still be that when the file gets its name
 * @param options.isFlushed false for a file that is rewritten every few seconds
 * @throws UserError when the folder cannot be written to, or is not the owner's any more
 */
export async function replaceFile(
  path: string,
  write: (file: FileHandle) => Promise<void>,
  owner?: Ownership,
  { isFlushed = true } = {},
): Promise<void> {
  const temporary = temporaryPath(path, owner);
  try {
    const file = await open(temporary, owner ? 'w' : 'wx');
    try {
      await write(file);
      if (isFlushed) await file.sync();
    } finally {
      await file.close();
    }
    // In this order: one that takes the folder over after this check finds the temporary file and deletes it.
    await owner?.check();
    await rename(temporary, path);
    if (isFlushed) await syncFolder(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    if (error instanceof UserError) throw error;
    await owner?.check();
    throw new UserError(`${path} cannot be written: ${systemReason(error, path)}`, { cause: error });
  }
}

/** Writes a value as JSON, atomically. @param indent 0 for one line */
export async function writeJson(path: string, value: unknown, indent = 2, owner?: Ownership): Promise<void> {
  await replaceFile(path, (file) => file.writeFile(`${JSON.stringify(value, null, indent)}\n`), owner);
}

/** Flushes a folder's entries, so that a new or renamed file survives a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return; // folders cannot be opened on Windows
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A JSON file in a folder, validated against its schema on reading and writing. */
export interface JsonFile<T> {
  name: string;
  /** Null if the folder has no such file. @throws UserError if the file does not match the schema */
  read(folder: string): Promise<T | null>;
  /** @param owner of the folder, where it is locked */
  write(folder: string, value: T, owner?: Ownership): Promise<void>;
}

/**
 * Describes a JSON file by its name and schema.
 * @param options.remedy what to do if the file is damaged
 */
export function jsonFile<T>(
  name: string,
  schema: SchemaObject,
  { indent = 2, remedy = 'move the folder away and rerun the command' } = {},
): JsonFile<T> {
  const check = schemaCheck<T>(schema);
  const advice = `The file is damaged or from another version of llavahr: ${remedy}.`;
  return {
    name,
    async read(folder) {
      const path = join(folder, name);
      const text = await readText(path);
      if (text === null) return null;
      let value: unknown;
      try {
        value = parseJson(text);
      } catch (error) {
        throw new UserError(`${path} is not valid JSON (${messageOf(error)}). ${advice}`, { cause: error });
      }
      if (!check.fits(value)) throw new UserError(`${path}: ${check.problem()}. ${advice}`);
      return value;
    },
    async write(folder, value, owner) {
      if (!check.fits(value)) throw new Error(`${name} would be invalid: ${check.problem()}`);
      await writeJson(join(folder, name), value, indent, owner);
    },
  };
}

async function readText(path: string): Promise<string | null> {
  try {
    return await readUtf8(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw unreadable(path, error);
  }
}
