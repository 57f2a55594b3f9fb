import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { UserError } from './errors.js';

/**
 * @param folder need not be there yet
 * @throws UserError when a folder's disk has less room than `needed` bytes; `purpose` begins the message
 */
export async function checkDiskSpace(folder: string, needed: number, purpose: string): Promise<void> {
  checkFreeBytes(folder, await freeBytes(folder), needed, purpose);
}

/** `checkDiskSpace` for a place whose room is known. */
export function checkFreeBytes(folder: string, free: number, needed: number, purpose: string): void {
  if (free < needed) {
    throw new UserError(`${purpose} needs ${gigabytes(needed)} in ${folder}, which has ${gigabytes(free)} free.`);
  }
}

/** Bytes that this user may still write to the disk of a folder, or of the folder that it will be made in. */
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

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
