import { freemem } from 'node:os';
import type { Device } from './device.js';
import { freeGpuBytes } from './gpu-memory.js';

/** What a GPU is taken to have free when it cannot be asked. */
const UNKNOWN_GPU_BYTES = 4 * 2 ** 30;

/** Bytes a device has free: the machine's or its container's for the CPU, the GPU's as nvidia-smi reports. */
export async function freeMemory({ provider, index }: Device): Promise<number> {
  if (provider === 'cpu') return freeHostMemory();
  return (provider === 'cuda' ? await freeGpuBytes(index) : null) ?? UNKNOWN_GPU_BYTES;
}

function freeHostMemory(): number {
  // Knows a container's limit; Node has it from 20.13 on.
  return typeof process.availableMemory === 'function' ? process.availableMemory() : freemem();
}
