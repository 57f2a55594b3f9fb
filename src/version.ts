import { readFileSync } from 'node:fs';

/** This package's version, from package.json two or three folders up (dist/src or src). */
export const VERSION: string = readVersion(new URL('.', import.meta.url));

function readVersion(folder: URL): string {
  try {
    return (JSON.parse(readFileSync(new URL('package.json', folder), 'utf8')) as { version: string }).version;
  } catch {
    return readVersion(new URL('..', folder));
  }
}
