import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { byteSize } from './byte-size.js';
import { UserError } from './errors.js';

/**
 * Checks that the disk of a folder has `needed` bytes free.
 * @param folder need not exist yet
 * @param purpose start of the error message
 * @throws UserError if there is less space
 */
export async function checkDiskSpace(folder: string, needed: number, purpose: string): Promise<void> {
  checkFreeBytes(folder, await freeBytes(folder), needed, purpose);
}

/** `checkDiskSpace` for a known number of free bytes. */
export function checkFreeBytes(folder: string, free: number, needed: number, purpose: string): void {
  if (free < needed) {
    throw new UserError(`${purpose} needs ${byteSize(needed)} in ${folder}, but only ${byteSize(free)} are free.`);
  }
}

/** Bytes this user can write to the disk of a folder; if it does not exist, of its nearest existing parent. */
export async function freeBytes(folder: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch (error) {
    const parent = dirname(folder);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || parent === folder) throw error;
    return freeBytes(parent);
  }
}
