import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { UserError } from '../../shared/errors.js';
import { pendingRequests } from '../../shared/pending-requests.js';
import { MODEL_FILES, type Model, portableName } from '../model-folder.js';
import { fitsWithArena } from './batch-memory.js';
import { checkPrecision, type Device, deviceError } from './device.js';
import { freeMemory } from './free-memory.js';
import type { PromptRow } from './pack-prompts.js';
import type { RunResult, WorkerRequest, WorkerResponse } from './protocol.js';

/** One batch: square images and, per row, the prompts about one of them. */
export interface Batch {
  /** uint8, [images, resolution, resolution, 3]; handed over to the model's thread, unusable afterwards. */
  pixels: Uint8Array;
  rows: PromptRow[];
  maxNewTokens: number;
  /** Steps to go on for at least though every answer has ended, for measuring; 0 without it. */
  minSteps?: number;
  timePrefill: boolean;
  /** Also return the visual tokens. */
  keepVisual?: boolean;
}

/** What a batch gave; see RunResult. */
export type BatchResult = Omit<RunResult, 'kind' | 'id'>;

/**
 * A loaded model. Batches run one after another, in a thread of their own; a batch that is handed over while another one
 * runs starts as soon as that ends.
 */
export interface Inference {
  readonly loadMs: number;
  /** @throws Error with ONNX Runtime's message when the run fails; the model stays usable */
  run(batch: Batch): Promise<BatchResult>;
  /** Largest resident size of processes other than this one, so far. */
  peakMemoryBytes(): number;
  close(): Promise<void>;
}

/**
 * Loads a model on a device.
 * @param threads inside an operator; 0 uses every core
 * @throws UserError when the device cannot be used, or not with the model's precision
 */
export async function startInference(model: Model, device: Device, threads = 0): Promise<Inference> {
  checkPrecision(device, model.manifest.precision);
  const worker = new Worker(new URL('./inference-worker.js', import.meta.url));
  const requests = pendingRequests<WorkerRequest, WorkerResponse>((request) => {
    worker.postMessage(request, request.kind === 'run' ? [request.pixels.buffer as ArrayBuffer] : []);
  });
  worker.on('message', requests.settle);
  worker.on('error', requests.end);
  worker.on('exit', (code) => requests.end(new UserError(`The inference thread ended unexpectedly (code ${code}).`)));
  const close = async (): Promise<void> => {
    await worker.terminate();
  };

  const graphPath = (graph: string): string =>
    join(model.folder, device.provider === 'webgpu' ? portableName(graph) : graph);
  const { language } = model.manifest.architecture;
  const loaded = await requests.ask({
    kind: 'load',
    visionPath: graphPath(model.vision.graph),
    generatePath: graphPath(MODEL_FILES.generate),
    device,
    threads,
    keepsFreed: device.provider !== 'cpu' || fitsWithArena(model, await freeMemory(device)),
    sizes: {
      resolution: model.vision.resolution,
      visualTokens: model.vision.visualTokens,
      hiddenSize: language.hiddenSize,
      eosTokenId: language.eosTokenId,
    },
  });
  if (loaded.kind !== 'loaded') {
    await close();
    throw deviceError(device, loaded.kind === 'failure' ? loaded.message : 'no answer');
  }
  return {
    loadMs: loaded.loadMs,
    async run(batch) {
      const response = await requests.ask({ kind: 'run', ...batch });
      if (response.kind === 'failure') throw new Error(response.message);
      if (response.kind !== 'result') throw new Error('the inference thread answered out of order');
      return response;
    },
    peakMemoryBytes: () => 0, // this process's
    close,
  };
}
