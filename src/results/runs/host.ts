import { arch, availableParallelism, cpus, platform, release, totalmem } from 'node:os';
import { packageVersion } from '../../shared/version.js';

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
