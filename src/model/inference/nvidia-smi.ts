import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { environmentValue } from '../../shared/environment.js';

/**
 * Asks nvidia-smi, the query tool of NVIDIA's driver.
 * @param query such as `--query-gpu=memory.free`, and further options
 * @returns lines of values without units (memory in MiB); null when the tool is missing, fails or takes too long
 */
export async function queryNvidiaSmi(...query: string[]): Promise<string[][] | null> {
  try {
    const { stdout } = await promisify(execFile)('nvidia-smi', [...query, '--format=csv,noheader,nounits'], {
      timeout: 10_000,
    });
    const lines = stdout.split('\n').filter((line) => line.trim() !== '');
    return lines.map((line) => line.split(',').map((value) => value.trim()));
  } catch {
    return null;
  }
}

/** What nvidia-smi calls a GPU of CUDA, which only counts those in CUDA_VISIBLE_DEVICES. */
export function nvidiaSmiId(index: number): string {
  return environmentValue('CUDA_VISIBLE_DEVICES')?.split(',')[index]?.trim() ?? `${index}`;
}
