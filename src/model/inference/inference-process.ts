import { messageOf } from '../../shared/errors.js';
import { peakMemoryBytes } from '../../shared/peak-memory.js';
import { type Inference, startInference } from './inference.js';
import type { WorkerRequest, WorkerResponse } from './protocol.js';
import type { LoadModel } from './worker-process.js';

/*
 * The process that `startWorkerProcess` starts. This thread passes messages on; the model has a thread of its own, so that
 * pixels of the next batch are received while it runs.
 */

let inference: Inference | undefined;

process.on('message', async (request: WorkerRequest<LoadModel>) => {
  const response = await answer(request);
  process.send?.(response);
});

// At once and without clean-up: ONNX Runtime cannot be interrupted, and without its parent the work is of no use.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));

// A terminal and a cluster's scheduler send these to every process; when to end is the parent's decision.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

async function answer(request: WorkerRequest<LoadModel>): Promise<WorkerResponse> {
  const { id } = request;
  try {
    if (request.kind === 'load') {
      inference = await startInference(request.model, request.device, request.threads);
      return { kind: 'loaded', id, loadMs: inference.loadMs };
    }
    if (!inference) throw new Error('the model is not loaded');
    // Copied, since they lie in a buffer of the channel's, which must not be transferred to the model's thread.
    const pixels = request.batch.pixels.slice();
    const result = await inference.run({ ...request.batch, pixels });
    return { kind: 'result', id, result, peakMemoryBytes: peakMemoryBytes() };
  } catch (error) {
    return { kind: 'failure', id, message: messageOf(error) };
  }
}
