import { arch, availableParallelism, cpus, platform, release, totalmem } from 'node:os';
import { countOf } from '../../shared/count-of.js';
import { packageVersion } from '../../shared/version.js';

/** The machine of a run. */
export interface Host {
  platform: string; // linux-x64
  release: string; // of the kernel
  cpu: string | null;
  /** Cores this process may use. */
  cores: number;
  /** Memory this process may use: the machine's memory or its container's limit. */
  memoryBytes: number;
}

/** Versions of the software that computes the answers. */
export interface Software {
  llavahr: string;
  node: string;
  onnxruntime: string | null;
  sharp: string | null;
}

/** This machine; memory in bytes, at most what a container's limit allows. */
export function describeHost(): Host {
  return {
    platform: `${platform()}-${arch()}`,
    release: release(),
    cpu: cpus()[0]?.model.trim() ?? null, // missing on some virtual machines
    cores: availableParallelism(),
    memoryBytes: Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY),
  };
}

/** "AMD EPYC 9654, 8 cores"; the platform where the processor is not known. */
export function machineName({ cpu, platform, cores }: Host): string {
  return `${cpu ?? platform}, ${countOf(cores, 'core')}`;
}

/** Versions of the packages that can change an answer; null for one that is not installed. */
export function describeSoftware(llavahrVersion: string): Software {
  return {
    llavahr: llavahrVersion,
    node: process.versions.node,
    onnxruntime: packageVersion('onnxruntime-node'),
    sharp: packageVersion('sharp'),
  };
}

const DECIDING_SOFTWARE: readonly (keyof Software)[] = ['llavahr', 'onnxruntime', 'sharp'];

/** Software of which two versions were used that may give different answers; null if there is none. */
export function differentSoftware(first: Software, second: Software): keyof Software | null {
  return DECIDING_SOFTWARE.find((name) => first[name] !== second[name]) ?? null;
}
