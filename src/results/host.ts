import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, availableParallelism, cpus, platform, release, totalmem } from 'node:os';
import { dirname, join } from 'node:path';

/** The machine a run was made on. */
export interface Host {
  platform: string; // linux-x64
  release: string; // of the kernel
  cpu: string | null;
  /** Cores this process may use. */
  cores: number;
  /** Memory this process may use: the machine's, or its container's limit. */
  memoryBytes: number;
}

/** Versions of what computes the answers. */
export interface Software {
  llavahr: string;
  node: string;
  onnxruntime: string | null;
  sharp: string | null;
}

export function describeHost(): Host {
  return {
    platform: `${platform()}-${arch()}`,
    release: release(),
    cpu: cpus()[0]?.model.trim() ?? null, // some virtual machines name none
    cores: availableParallelism(),
    memoryBytes: Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY),
  };
}

export function describeSoftware(llavahrVersion: string): Software {
  return {
    llavahr: llavahrVersion,
    node: process.versions.node,
    onnxruntime: packageVersion('onnxruntime-node'),
    sharp: packageVersion('sharp'),
  };
}

/** Largest resident size of this process so far, worker threads included. */
export function peakMemoryBytes(): number {
  return process.resourceUsage().maxRSS * 1024; // Node gives kibibytes on every platform
}

/** Version of an installed package; null when it is not there. */
function packageVersion(name: string): string | null {
  try {
    return versionAbove(dirname(createRequire(import.meta.url).resolve(name)), name);
  } catch {
    return null;
  }
}

/** Looks for the package.json of `name` upwards: packages may not export theirs. */
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
