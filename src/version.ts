import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { PACKAGE_ROOT } from './package-root.js';

/** This package's version. */
export const VERSION = readVersion(join(PACKAGE_ROOT, 'package.json'));

/** The installed version of a dependency. */
export function dependencyVersion(name: string): string {
  return readVersion(createRequire(import.meta.url).resolve(`${name}/package.json`));
}

function readVersion(path: string): string {
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}
