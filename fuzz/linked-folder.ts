import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Copies `original` to `folder` by links, with different content for one file. */
export async function linkedFolder(original: string, folder: string, name: string, bytes: Uint8Array): Promise<void> {
  await mkdir(folder, { recursive: true });
  const [first, ...rest] = name.split('/');
  for (const entry of await readdir(original)) {
    if (entry !== first) await symlink(join(original, entry), join(folder, entry));
  }
  if (rest.length > 0) return linkedFolder(join(original, first!), join(folder, first!), rest.join('/'), bytes);
  await mkdir(dirname(join(folder, name)), { recursive: true });
  await writeFile(join(folder, name), bytes);
}
