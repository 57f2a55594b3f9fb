import { messageOf } from '../../shared/errors.js';
import { peakMemoryBytes } from '../../shared/peak-memory.js';
import { ALIVE_INTERVAL_MS, type AliveMessage } from '../../shared/silence-watch.js';
import { STOP_SIGNALS } from '../../shared/stop-signals.js';
import { type Inference, startInference } from './inference.js';
import type { WorkerRequest, WorkerResponse } from './protocol.js';
import type { LoadModel } from './worker-process.js';

/*
 * The process started by `startWorkerProcess`. This thread only forwards messages; the model runs in its own thread, so
 * that the next batch's pixels arrive while it is busy.
 */

let inference: Inference | undefined;

process.on('message', async (request: WorkerRequest<LoadModel>) => {
  const response = await answer(request);
  process.send?.(response);
});

// Exit immediately without cleanup: ONNX Runtime cannot be interrupted, and without the parent the work is useless.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));

// Terminals and cluster schedulers send these to every process of the group; the parent decides when to stop.
for (const signal of [...STOP_SIGNALS, 'SIGHUP'] as const) process.on(signal, () => {});

const alive: AliveMessage = { kind: 'alive' };
const sayAlive = (): void => void process.send?.(alive, () => {});
sayAlive();
setInterval(sayAlive, ALIVE_INTERVAL_MS).unref();

async function answer(request: WorkerRequest<LoadModel>): Promise<WorkerResponse> {
  const { id } = request;
  try {
    if (request.kind === 'load') {
      inference = await startInference(request.model, request.device, request.threads);
      return { kind: 'loaded', id, loadMs: inference.loadMs };
    }
    if (!inference) throw new Error('the model is not loaded');
    // Copied because they are a view of the IPC channel's buffer, which must not be transferred to the model's thread.
    const pixels = request.batch.pixels.slice();
    const result = await inference.run({ ...request.batch, pixels });
    return { kind: 'result', id, result, peakMemoryBytes: peakMemoryBytes() };
  } catch (error) {
    return { kind: 'failure', id, message: messageOf(error) };
  }
}
