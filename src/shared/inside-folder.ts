import { isAbsolute, relative, resolve, sep } from 'node:path';

/** The path of `name` below `folder`, or null when it would lead out of the folder (or is the folder itself). */
export function insideFolder(folder: string, name: string): string | null {
  if (name.includes('\0')) return null;
  const path = resolve(folder, name);
  const way = relative(folder, path);
  const leaves = way === '' || way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way);
  return leaves || isAbsolute(name) ? null : path;
}
