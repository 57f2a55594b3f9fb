import { join } from 'node:path';
import { PACKAGE_ROOT } from '../src/shared/package-root.js';

/** Root of the project. */
export const projectRoot = PACKAGE_ROOT;

/** The compiler's script: Node.js 20.9 does not run the file in `.bin`, which has no extension. */
export const TYPESCRIPT = join(projectRoot, 'node_modules', 'typescript', 'lib', 'tsc.js');

/** Path of a file or folder below test/fixtures. */
export function fixture(...parts: string[]): string {
  return join(projectRoot, 'test', 'fixtures', ...parts);
}
