import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { PACKAGE_ROOT } from './package-root.js';

/** This package's version. */
export const VERSION = (JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8')) as { version: string })
  .version;

/** Version of an installed package; null if it is not installed. */
export function packageVersion(name: string): string | null {
  try {
    return versionAbove(dirname(createRequire(import.meta.url).resolve(name)), name);
  } catch {
    return null;
  }
}

/** Searches parent folders for the package.json of `name`, since packages may not export it. */
function versionAbove(folder: string, name: string): string | null {
  try {
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
      name?: string;
      version: string;
    };
    if (manifest.name === name) return manifest.version;
  } catch {
    // no package.json here
  }
  const parent = dirname(folder);
  return parent === folder ? null : versionAbove(parent, name);
}
