import { join } from 'node:path';
import { PACKAGE_ROOT } from '../src/shared/package-root.js';

/** Root of the project. */
export const projectRoot = PACKAGE_ROOT;

/** Path of a file or folder below test/fixtures. */
export function fixture(...parts: string[]): string {
  return join(projectRoot, 'test', 'fixtures', ...parts);
}
