import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { UserError } from '../../shared/errors.js';
import { pendingRequests } from '../../shared/pending-requests.js';
import '../without-telemetry.js'; // before the thread below loads ONNX Runtime
import { endTokensOf, keyValueHeadsOf } from '../architecture.js';
import { visionSizes } from '../export/vision-sizes.js';
import { cudaName, MODEL_FILES, type Model, portableName } from '../model-folder.js';
import { elementType } from '../precision.js';
import { fitsWithArena } from './batch-memory.js';
import { checkPrecision, type Device, deviceError } from './device.js';
import { freeMemory } from './free-memory.js';
import type { DecoderSizes } from './generate-tokens.js';
import type { Batch, BatchResult, LoadSessions, WorkerRequest, WorkerResponse } from './protocol.js';

/**
 * A loaded model. Batches run one at a time in a separate thread; a batch submitted while another one runs is queued and
 * starts right after it.
 */
export interface Inference {
  readonly loadMs: number;
  /** @throws Error with ONNX Runtime's message when the run fails; the model stays usable */
  run(batch: Batch): Promise<BatchResult>;
  /** Peak resident bytes of the worker processes so far; 0 when the model runs in this process. */
  peakMemoryBytes(): number;
  close(): Promise<void>;
}

/**
 * Loads a model on a device, in a thread of this process.
 * @param threads threads per operator; 0 uses every core
 * @throws UserError when the device is unusable or does not support the model's precision
 */
export async function startInference(model: Model, device: Device, threads = 0): Promise<Inference> {
  checkPrecision(device, model.manifest.precision);
  const worker = new Worker(new URL('./inference-worker.js', import.meta.url));
  const requests = pendingRequests<WorkerRequest<LoadSessions>, WorkerResponse>((request) => {
    worker.postMessage(request, request.kind === 'run' ? [request.batch.pixels.buffer as ArrayBuffer] : []);
  });
  worker.on('message', requests.settle);
  worker.on('error', requests.end);
  worker.on('exit', (code) => requests.end(new UserError(`The inference thread ended unexpectedly (code ${code}).`)));
  const close = async (): Promise<void> => {
    await worker.terminate();
  };

  const { language } = model.manifest.architecture;
  const loaded = await requests.ask({
    kind: 'load',
    ...graphPaths(model, device),
    device,
    threads,
    keepsFreed: device.provider !== 'cpu' || fitsWithArena(model, await freeMemory(device)),
    sizes: {
      resolution: model.vision.resolution,
      squareTokens: visionSizes(model.manifest.architecture, model.vision.resolution).squareTokens,
      ...decoderSizes(model.manifest),
      endTokens: endTokensOf(language),
    },
  });
  if (loaded.kind !== 'loaded') {
    await close();
    throw deviceError(device, loaded.kind === 'failure' ? loaded.message : 'no answer');
  }
  return {
    loadMs: loaded.loadMs,
    run: async (batch) => resultOf(await requests.ask({ kind: 'run', batch })).result,
    peakMemoryBytes: () => 0, // there is no other process
    close,
  };
}

/** What a worker answered to `run`. @throws Error with its message when it failed */
export function resultOf(response: WorkerResponse): Extract<WorkerResponse, { kind: 'result' }> {
  if (response.kind === 'failure') throw new Error(response.message);
  if (response.kind !== 'result') throw new Error(`the worker answered a batch with "${response.kind}"`);
  return response;
}

/** Where the graphs for a device are. */
function graphPaths({ folder, vision }: Model, { provider }: Device): { visionPath: string; generatePath: string } {
  const asIs = (graph: string): string => graph;
  const visionName = provider === 'webgpu' ? portableName : asIs;
  const generateName = provider === 'webgpu' ? portableName : provider === 'cuda' ? cudaName : asIs;
  return {
    visionPath: join(folder, visionName(vision.graph)),
    generatePath: join(folder, generateName(MODEL_FILES.generate)),
  };
}

function decoderSizes({ architecture, precision }: Model['manifest']): DecoderSizes {
  const { layers, heads, hiddenSize } = architecture.language;
  const keyValueHeads = keyValueHeadsOf(architecture.language);
  return { layers, heads, keyValueHeads, hiddenSize, float: elementType(precision) };
}
