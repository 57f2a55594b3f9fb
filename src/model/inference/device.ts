import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { messageOf, UserError, usageError } from '../../shared/errors.js';
import { DEFAULT_PRECISION, isQuantised, type Precision } from '../precision.js';

/** Where a model runs: an ONNX Runtime execution provider and, for CUDA, the GPU index. */
export interface Device {
  provider: 'cpu' | 'cuda' | 'webgpu';
  index: number;
}

/** A device's name in the syntax of `--device`. */
export function deviceName({ provider, index }: Device): string {
  return index === 0 ? provider : `${provider}:${index}`;
}

/**
 * Parses a `--device` value: auto, cpu, cuda, cuda:N or webgpu. `auto` selects CUDA when its library and a GPU are present,
 * otherwise the CPU; WebGPU must be requested explicitly.
 * @throws UserError (usage) for any other value
 */
export function parseDevice(text: string): Device {
  if (text === 'auto') {
    return { provider: existsSync(cudaLibrary()) && existsSync('/dev/nvidiactl') ? 'cuda' : 'cpu', index: 0 };
  }
  const match = /^(?:(cpu|webgpu)|(cuda)(?::(\d+))?)$/.exec(text);
  if (!match) throw usageError(`--device must be auto, cpu, cuda, cuda:N or webgpu, got "${text}".`);
  return { provider: (match[1] ?? match[2]) as Device['provider'], index: Number(match[3] ?? 0) };
}

/** @throws UserError (usage) when a device does not support a precision */
export function checkPrecision(device: Device, precision: Precision = DEFAULT_PRECISION): void {
  if (!isQuantised(precision) || device.provider === 'cpu') return;
  throw usageError(
    `${precision} models run on the CPU only, not on ${deviceName(device)}. Add --device cpu, or use fp16 or fp32.`,
  );
}

/** Far more than the cores of any machine; each worker loads the model. */
const MAX_CPU_WORKERS = 1024;

/**
 * Parses a `--devices` value: cuda:0,cuda:1, or cpu:N for N workers that share the CPU. Returns one device per worker.
 * @throws UserError (usage) for anything else, including a mix of device kinds, whose answers may differ
 */
export function parseDevices(text: string): Device[] {
  const devices = text.split(',').flatMap((part): Device[] => {
    const workers = /^cpu:(\d+)$/.exec(part)?.[1];
    if (workers === undefined) return [parseDevice(part)];
    if (Number(workers) > MAX_CPU_WORKERS) {
      throw usageError(`--devices ${text} starts too many workers: N in cpu:N must be at most ${MAX_CPU_WORKERS}.`);
    }
    return Array.from({ length: Number(workers) }, () => ({ provider: 'cpu', index: 0 }));
  });
  if (devices.length === 0) throw usageError(`--devices ${text} starts no worker: N in cpu:N must be at least 1.`);
  if (new Set(devices.map(({ provider }) => provider)).size > 1) {
    throw usageError(`--devices must all be of one kind, since answers may differ between kinds; got "${text}".`);
  }
  return devices;
}

/** Turns an ONNX Runtime error about a device into a message that tells the user what to do. */
export function deviceError(device: Device, error: unknown): UserError {
  const message = messageOf(error);
  const name = deviceName(device);
  if (device.provider === 'cuda' && !existsSync(cudaLibrary())) {
    return new UserError(
      `--device ${name}: ONNX Runtime's CUDA library is not installed (${cudaLibrary()} is missing). ` +
        'Install it with: llavahr setup-cuda',
      { cause: error },
    );
  }
  const library = /lib(?:cu|nv|nccl)[\w.+-]*\.so[\w.]*/.exec(message)?.[0];
  if (device.provider === 'cuda' && library) {
    return new UserError(
      `--device ${name}: ${library} not found. ONNX Runtime's CUDA provider needs CUDA 13 and cuDNN 9 on the library ` +
        'path (LD_LIBRARY_PATH).',
      { cause: error },
    );
  }
  if (device.provider === 'webgpu') {
    // The message starts with a source path and condition from ONNX Runtime.
    const reason = /Failed to get a WebGPU adapter: ([^\n]+)/.exec(message)?.[1] ?? message.trim();
    return new UserError(`--device webgpu: no usable adapter (${reason}). WebGPU on Linux needs a Vulkan driver.`, {
      cause: error,
    });
  }
  return new UserError(`--device ${name} cannot be used: ${message}`, { cause: error });
}

/** Path of ONNX Runtime's CUDA provider, which is installed separately. */
function cudaLibrary(): string {
  const packageRoot = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
  return join(packageRoot, 'bin', 'napi-v6', process.platform, process.arch, 'libonnxruntime_providers_cuda.so');
}
