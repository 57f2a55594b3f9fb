import { nvidiaSmiId, queryNvidiaSmi } from './nvidia-smi.js';

const MEBIBYTE = 2 ** 20;

/** Free bytes of an NVIDIA GPU, or null if nvidia-smi does not report them. */
export async function freeGpuBytes(index: number): Promise<number | null> {
  const lines = await queryNvidiaSmi('--query-gpu=memory.free', `--id=${nvidiaSmiId(index)}`);
  const mebibytes = Number.parseInt(lines?.[0]?.[0] ?? '', 10);
  return Number.isNaN(mebibytes) ? null : mebibytes * MEBIBYTE;
}

/**
 * Bytes a process has allocated on NVIDIA GPUs, as reported by nvidia-smi; null when nvidia-smi fails or does not list the
 * process, as in most containers. ONNX Runtime's arena does not shrink, so the value after a run is the peak.
 */
export async function processGpuBytes(pid: number): Promise<number | null> {
  const lines = await queryNvidiaSmi('--query-compute-apps=pid,used_memory');
  const mebibytes = (lines ?? []).filter(([id]) => Number(id) === pid).map(([, used]) => Number(used));
  const sum = mebibytes.reduce((total, used) => total + used, 0);
  return mebibytes.length > 0 && Number.isFinite(sum) ? sum * MEBIBYTE : null;
}
