import { existsSync } from 'node:fs';
import { readdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type FolderLock, isLocked, isLockFile, lockFolder, removeTemporaryFiles } from '../../shared/folder-lock.js';
import type { Ownership } from '../../shared/json-file.js';
import { makeFolder } from '../../shared/make-folder.js';
import { withPath } from '../../shared/system-errors.js';

/*
 * Beside the folder of a model there is, while it is being exported, a folder "<model>.partial": locked, so that one process
 * exports at a time, and with the unfinished model in it. The unfinished model's name has its owner's token, and a new owner
 * renames it: one that was frozen until it lost the lock finds nothing under the name it knows. What it has open is the same
 * export, of which it writes the same bytes to the same places, or was deleted.
 */

/** File in an unfinished model that identifies the export. */
const IDENTITY = 'unfinished';

/** The right to write a model's folder. */
export interface ExportFolder {
  owner: Ownership;
  /** Opens the unfinished model: that of an interrupted identical export, or an empty one. Others are deleted. */
  openPartial(identity: string): Promise<string>;
  /** Gives the unfinished model its name. */
  finish(partial: string): Promise<void>;
  /** Lets other processes export to the folder. */
  close(): Promise<void>;
}

/**
 * Waits until no other process exports a model to a folder, and keeps others from it.
 * @param output need not exist
 */
export async function openExportFolder(output: string, onWait?: (message: string) => void): Promise<ExportFolder> {
  const folder = workFolder(output);
  await makeFolder(dirname(output));
  const lock = await lockExisting(folder, onWait);
  await removeTemporaryFiles(output, lock);
  return {
    owner: lock,
    async openPartial(identity) {
      const partial = join(folder, `model-${lock.token}`);
      let resumed = false;
      for (const name of await readdir(folder)) {
        if (!name.startsWith('model-')) continue;
        const abandoned = join(folder, name);
        const found = await readFile(join(abandoned, IDENTITY), 'utf8').catch(() => null);
        if (!resumed && found === identity) {
          await rename(abandoned, partial);
          resumed = true;
        } else {
          await rm(abandoned, { recursive: true, force: true });
        }
      }
      if (resumed) {
        await removeTemporaryFiles(partial, lock);
      } else {
        await makeFolder(partial);
        await writeFile(join(partial, IDENTITY), identity);
      }
      return partial;
    },
    async finish(partial) {
      await lock.check();
      await rm(join(partial, IDENTITY));
      await rmdir(output).catch(() => {}); // an empty folder of the user's; Windows does not replace it
      await rename(partial, output).catch((error) => {
        throw withPath(error, output);
      });
    },
    async close() {
      await lock.release();
      await rmdir(folder).catch(() => {}); // not empty: another process waits for it, or this export can be resumed
    },
  };
}

/** Deletes what an export left that was killed after it had finished. */
export async function removeAbandonedExport(output: string, onWait?: (message: string) => void): Promise<void> {
  const folder = workFolder(output);
  if (!existsSync(folder) || (await isLocked(folder))) return;
  try {
    const lock = await lockFolder(folder, { onWait });
    for (const name of await readdir(folder)) {
      if (!isLockFile(name)) await rm(join(folder, name), { recursive: true, force: true });
    }
    await lock.release();
    await rmdir(folder);
  } catch {
    // In use again, or not ours to delete: the model is whole.
  }
}

function workFolder(output: string): string {
  return `${output}.partial`;
}

/** Locks a folder that its last user may delete at any time. */
async function lockExisting(folder: string, onWait?: (message: string) => void): Promise<FolderLock> {
  for (;;) {
    await makeFolder(folder);
    try {
      return await lockFolder(folder, { onWait, waits: true });
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
}

/** Whether an error, or what caused it, is that a file or folder does not exist. */
function isGone(error: unknown): boolean {
  return error instanceof Error && ((error as NodeJS.ErrnoException).code === 'ENOENT' || isGone(error.cause));
}
