import { mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { UserError } from './errors.js';
import { systemReason } from './system-errors.js';

/**
 * Makes a folder and those above it. Not with the `recursive` of Node.js, which never returns where a folder appears to be
 * made but is not there: below /proc, and in a working folder that was deleted.
 * @throws UserError saying why it cannot be made, and what to do
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await make(resolve(path));
  } catch (error) {
    throw new UserError(`The folder ${path} cannot be made: ${systemReason(error, path)}`, { cause: error });
  }
}

async function make(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (await isFolder(path)) return; // EEXIST, or EROFS and EISDIR at the root of a file system
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
    await make(dirname(path));
    await mkdir(path).catch(async (again) => {
      if (!(await isFolder(path))) throw again;
    });
  }
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (status) => status.isDirectory(),
    () => false,
  );
}
