import { availableParallelism } from 'node:os';
import { max } from 'simple-statistics';
import { type ImageThreads, startImageThreads } from '../model/images/image-threads.js';
import { type Device, deviceName } from '../model/inference/device.js';
import type { Inference } from '../model/inference/inference.js';
import { openInferencePool } from '../model/inference/inference-pool.js';
import { ensureSelfCheck } from '../model/inference/self-check.js';
import { startWorkerProcess } from '../model/inference/worker-process.js';
import type { Model } from '../model/model-folder.js';
import { loadTokenizer, type Tokenizer } from '../model/tokenizer/load-tokenizer.js';
import { logEvent, say } from '../shared/log.js';

/** Enough threads to keep up with the model, few enough to leave it the cores. */
const IMAGE_THREADS = Math.min(8, Math.max(2, Math.floor(availableParallelism() / 2)));

/** A model shared by the benchmarks of one command. It is loaded when the first question needs it. */
export interface ModelSession {
  model: Model;
  tokenizer: Tokenizer;
  /** One per worker process, all of one kind. */
  devices: readonly Device[];
  /** Threads within an operator, per worker; 0 uses every core. */
  threads: number;
  /** Loads the model once in each worker and checks the devices. @throws UserError if one is unusable or computes wrong results */
  inference(): Promise<Inference>;
  /** Whether `inference` was called. */
  isLoaded(): boolean;
  /** Starts the threads on the first call. */
  imageThreads(): ImageThreads;
  close(): Promise<void>;
}

/**
 * @param threads threads within an operator, per worker; undefined divides the cores among the CPU workers
 */
export async function openModelSession(
  model: Model,
  devices: readonly Device[],
  threads: number | undefined,
): Promise<ModelSession> {
  const tokenizer = await loadTokenizer(model.folder);
  const perWorker = threads ?? threadsPerWorker(devices);
  let loading: Promise<Inference> | undefined;
  let imageThreads: ImageThreads | undefined;
  return {
    model,
    tokenizer,
    devices,
    threads: perWorker,
    inference() {
      loading ??= startWorkers(model, devices, perWorker, tokenizer);
      return loading;
    },
    isLoaded: () => loading !== undefined,
    imageThreads() {
      imageThreads ??= startImageThreads(IMAGE_THREADS);
      return imageThreads;
    },
    async close() {
      await imageThreads?.close();
      const inference = await loading?.catch(() => undefined);
      await inference?.close();
    },
  };
}

/** A single CPU worker gets ONNX Runtime's default, every core; several workers get a share each. */
function threadsPerWorker(devices: readonly Device[]): number {
  const onCpu = devices.filter(({ provider }) => provider === 'cpu').length;
  return onCpu < 2 ? 0 : Math.max(1, Math.floor(availableParallelism() / onCpu));
}

async function startWorkers(
  model: Model,
  devices: readonly Device[],
  threads: number,
  tokenizer: Tokenizer,
): Promise<Inference> {
  const start = (index: number): Promise<Inference> => startWorkerProcess(model, devices[index]!, threads);
  const started = await Promise.allSettled(devices.map((_, index) => start(index)));
  const workers = started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  try {
    const failure = started.find((result) => result.status === 'rejected');
    if (failure) throw failure.reason;
    for (const [index, worker] of workers.entries()) {
      const device = devices[index]!;
      const message = `Checking ${deviceName(device)} against the CPU (once per model)`;
      await ensureSelfCheck(model, device, worker, tokenizer, () => say('info', message));
    }
  } catch (error) {
    await Promise.all(workers.map((worker) => worker.close()));
    throw error;
  }
  const { name, precision } = model.manifest;
  const loadMs = max(workers.map((worker) => worker.loadMs));
  const about = { model: name, precision, resolution: model.vision.resolution, threads, loadMs };
  logEvent('info', 'model-loaded', { ...about, devices: devices.map(deviceName) });
  return openInferencePool(workers, start, (line) => say('warn', line));
}
