import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Root of the project, wherever the compiled tests lie below it. */
export const projectRoot = findRoot(dirname(fileURLToPath(import.meta.url)));

/** Path of a file or folder below test/fixtures. */
export function fixture(...parts: string[]): string {
  return join(projectRoot, 'test', 'fixtures', ...parts);
}

function findRoot(folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : findRoot(dirname(folder));
}
