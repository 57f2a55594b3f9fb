// Removes compiled files from dist/ whose source is gone, so that neither tests nor the package keep what was deleted or
// moved. dist/ is not emptied instead: an evaluation may be running from it, which starts processes of its files.
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');
const OUTPUT = /\.(?:js|js\.map|d\.ts)$/;

const entries = existsSync(dist) ? readdirSync(dist, { recursive: true, encoding: 'utf8' }).sort().reverse() : [];
for (const entry of entries) {
  const path = join(dist, entry);
  if (statSync(path).isDirectory()) {
    if (readdirSync(path).length === 0) rmSync(path, { recursive: true });
  } else if (!OUTPUT.test(entry) || !existsSync(join(root, entry.replace(OUTPUT, '.ts')))) {
    rmSync(path);
  }
}
