import { freemem } from 'node:os';
import type { Device } from './device.js';
import { freeGpuBytes } from './gpu-memory.js';

/** Assumed free GPU memory when it cannot be queried. */
const UNKNOWN_GPU_BYTES = 4 * 2 ** 30;

/** Free bytes of a device: of the machine or its container for the CPU, as reported by nvidia-smi for a GPU. */
export async function freeMemory({ provider, index }: Device): Promise<number> {
  if (provider === 'cpu') return freeHostMemory();
  return (provider === 'cuda' ? await freeGpuBytes(index) : null) ?? UNKNOWN_GPU_BYTES;
}

/** Free bytes of the machine or its container. */
export function freeHostMemory(): number {
  // Respects container limits; available from Node 20.13 on.
  return typeof process.availableMemory === 'function' ? process.availableMemory() : freemem();
}
