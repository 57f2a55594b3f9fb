import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/**
 * Bytes that a process holds on NVIDIA GPUs, as nvidia-smi says; null when it cannot be asked or does not know the
 * process, as in most containers. ONNX Runtime's arena does not shrink, so after a run it is the peak.
 */
export async function processGpuBytes(pid: number): Promise<number | null> {
  try {
    const query = ['--query-compute-apps=pid,used_memory', '--format=csv,noheader,nounits'];
    const { stdout } = await promisify(execFile)('nvidia-smi', query, { timeout: 10_000 });
    const lines = stdout.split('\n').map((line) => line.split(',').map(Number));
    const mebibytes = lines.filter(([process]) => process === pid).map(([, used]) => used!);
    const sum = mebibytes.reduce((total, used) => total + used, 0);
    return mebibytes.length > 0 && Number.isFinite(sum) ? sum * 2 ** 20 : null;
  } catch {
    return null; // no driver
  }
}
