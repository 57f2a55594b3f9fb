import { execFile } from 'node:child_process';
import { freemem } from 'node:os';
import { promisify } from 'node:util';
import type { Device } from './device.js';

/** What a GPU is taken to have free when it cannot be asked. */
const UNKNOWN_GPU_BYTES = 4 * 2 ** 30;

/** Bytes a device has free: the machine's or its container's for the CPU, the GPU's as nvidia-smi tells. */
export async function freeMemory({ provider, index }: Device): Promise<number> {
  if (provider === 'cpu') return freeHostMemory();
  return (provider === 'cuda' ? await freeGpuMemory(index) : null) ?? UNKNOWN_GPU_BYTES;
}

function freeHostMemory(): number {
  // Knows a container's limit; Node has it from 20.13 on.
  return typeof process.availableMemory === 'function' ? process.availableMemory() : freemem();
}

async function freeGpuMemory(index: number): Promise<number | null> {
  try {
    const query = ['--query-gpu=memory.free', '--format=csv,noheader,nounits', `--id=${index}`];
    const { stdout } = await promisify(execFile)('nvidia-smi', query, { timeout: 10_000 });
    const mebibytes = Number.parseInt(stdout, 10);
    return Number.isNaN(mebibytes) ? null : mebibytes * 2 ** 20;
  } catch {
    return null; // no driver, or none that can be asked
  }
}
