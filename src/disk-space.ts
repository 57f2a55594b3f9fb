import { statfs } from 'node:fs/promises';
import { UserError } from './errors.js';

/** @throws UserError when a folder's disk has less room than `needed` bytes; `purpose` begins the message */
export async function checkDiskSpace(folder: string, needed: number, purpose: string): Promise<void> {
  const free = await freeBytes(folder);
  if (free < needed) {
    throw new UserError(`${purpose} needs ${gigabytes(needed)} in ${folder}, which has ${gigabytes(free)} free.`);
  }
}

/** Bytes that this user may still write to a folder's disk. */
export async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
