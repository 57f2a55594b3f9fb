import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { projectRoot } from '../fixtures.js';

const run = promisify(execFile);

/** What `npm pack --json` says of the package. */
export interface PackedPackage {
  filename: string;
  size: number;
  files: { path: string; size: number }[];
}

/** Packs the project as it is built; `prepack` is left out, since it would build again under other tests. */
export async function npmPack(...options: string[]): Promise<PackedPackage> {
  const args = ['pack', '--ignore-scripts', '--json', ...options];
  const { stdout } = await run('npm', args, { cwd: projectRoot, maxBuffer: 16e6 });
  const [packed] = JSON.parse(stdout) as PackedPackage[];
  return packed!;
}

interface Lockfile {
  lockfileVersion: number;
  packages: Record<string, { dev?: boolean; [key: string]: unknown }>;
}

/**
 * Packs the project and installs it into an empty folder without the network: npm's cache holds what `npm ci` installed,
 * and the versions are those of this project's lock.
 * @returns why it could not be installed here; null when it was
 */
export async function installPackage(folder: string): Promise<string | null> {
  await mkdir(folder, { recursive: true });
  const { filename } = await npmPack('--pack-destination', folder);
  const lock = JSON.parse(await readFile(join(projectRoot, 'package-lock.json'), 'utf8')) as Lockfile;
  const { '': root, ...others } = lock.packages;
  const { devDependencies: _, ...llavahr } = root!;
  const asked = { name: 'installed', dependencies: { llavahr: `file:${filename}` } };
  const packages = {
    '': asked,
    'node_modules/llavahr': { ...llavahr, resolved: `file:${filename}` },
    ...Object.fromEntries(Object.entries(others).filter(([, { dev }]) => !dev)),
  };
  await writeFile(join(folder, 'package.json'), JSON.stringify({ ...asked, version: '1.0.0', private: true }));
  await writeFile(join(folder, 'package-lock.json'), JSON.stringify({ ...lock, ...asked, packages }));
  try {
    await run('npm', ['ci', '--offline', '--no-audit', '--no-fund'], { cwd: folder });
    return null;
  } catch (error) {
    const { stderr } = error as { stderr: string };
    if (/ENOTCACHED/.test(stderr)) return "npm's cache does not hold the dependencies (npm ci fills it)";
    throw error;
  }
}
