import { type FileHandle, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { SchemaObject } from 'ajv';
import { messageOf, UserError } from './errors.js';
import { schemaCheck } from './json-schema.js';
import { parseJson } from './parse-json.js';

/**
 * Replaces a file atomically: writes a temporary file in the same folder, flushes it to disk and renames it.
 * A crash leaves either the old or the new file. Only one process at a time may do this for a path.
 * @throws UserError if the folder cannot be written to
 */
export async function replaceFile(path: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    const file = await open(temporary, 'w');
    try {
      await write(file);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true });
    throw new UserError(`${path} cannot be written: ${messageOf(error)}`, { cause: error });
  }
}

/** Writes a value as JSON, atomically. @param indent 0 for one line */
export async function writeJson(path: string, value: unknown, indent = 2): Promise<void> {
  await replaceFile(path, (file) => file.writeFile(`${JSON.stringify(value, null, indent)}\n`));
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
  write(folder: string, value: T): Promise<void>;
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
    async write(folder, value) {
      if (!check.fits(value)) throw new Error(`${name} would be invalid: ${check.problem()}`);
      await writeJson(join(folder, name), value, indent);
    },
  };
}

async function readText(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new UserError(`${path} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}
