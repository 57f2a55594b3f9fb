import { max } from 'simple-statistics';
import { UserError } from '../../shared/errors.js';
import type { Inference } from './inference.js';
import type { Batch, BatchResult } from './protocol.js';
import { WorkerEndedError } from './worker-process.js';

/** Batches assigned to a worker at a time: the running one and the next one. */
const BATCHES_PER_WORKER = 2;
/** How often a crashed worker is restarted without completing a batch in between. */
const MAX_RESTARTS = 5;

interface Job {
  batch: Batch;
  resolve: (result: BatchResult) => void;
  reject: (error: unknown) => void;
}

interface Slot {
  index: number;
  /** Null while the worker restarts, and permanently once that failed. */
  worker: Inference | null;
  jobs: Job[];
  restarts: number;
  isGone: boolean;
}

/**
 * Several workers behind one `Inference`: a batch goes to the least busy worker. When a worker crashes, the batch it was
 * running is rejected with its WorkerEndedError, its queued batches go to other workers, and the worker is restarted.
 * @param restart starts worker `index` again
 * @param say tells the user about crashed workers
 */
export function openInferencePool(
  workers: readonly Inference[],
  restart: (index: number) => Promise<Inference>,
  say: (line: string) => void,
): Inference {
  const slots = workers.map((worker, index): Slot => ({ index, worker, jobs: [], restarts: 0, isGone: false }));
  const peaks = workers.map(() => 0);
  let waiting: Job[] = [];
  let closed = false;

  const dispatch = (): void => {
    while (waiting.length > 0) {
      const free = slots.filter(({ worker, jobs }) => worker && jobs.length < BATCHES_PER_WORKER);
      const [slot] = free.sort((a, b) => a.jobs.length - b.jobs.length);
      if (!slot) break;
      void run(slot, slot.worker!, waiting.shift()!);
    }
    if (!slots.every(({ isGone }) => isGone)) return;
    const error = new UserError('All worker processes crashed repeatedly; see the messages above.');
    for (const { reject } of waiting) reject(error);
    waiting = [];
  };

  const run = async (slot: Slot, worker: Inference, job: Job): Promise<void> => {
    slot.jobs.push(job);
    try {
      const result = await worker.run(job.batch);
      slot.restarts = 0;
      peaks[slot.index] = Math.max(peaks[slot.index]!, worker.peakMemoryBytes());
      finish(slot, job);
      job.resolve(result);
    } catch (error) {
      if (error instanceof WorkerEndedError) return onEnded(slot, worker, error);
      finish(slot, job);
      job.reject(error);
    }
  };

  const finish = (slot: Slot, job: Job): void => {
    slot.jobs = slot.jobs.filter((other) => other !== job);
    dispatch();
  };

  /** Called once per batch of the worker; the first call handles all of them. */
  const onEnded = (slot: Slot, worker: Inference, error: WorkerEndedError): void => {
    if (slot.worker !== worker) return;
    const [ran, ...behind] = slot.jobs;
    slot.worker = null;
    slot.jobs = [];
    waiting = [...behind, ...waiting];
    ran!.reject(error);
    if (closed) return;
    slot.isGone = slot.restarts++ >= MAX_RESTARTS;
    say(`${error.message}. ${slot.isGone ? 'Giving up on it.' : 'Restarting it.'}`);
    if (!slot.isGone) void restartWorker(slot);
    dispatch();
  };

  const restartWorker = async (slot: Slot): Promise<void> => {
    try {
      const worker = await restart(slot.index);
      if (closed) await worker.close();
      else slot.worker = worker;
    } catch (error) {
      slot.isGone = true;
      say(`The worker could not be restarted: ${error instanceof Error ? error.message : error}`);
    }
    dispatch();
  };

  return {
    loadMs: max(workers.map(({ loadMs }) => loadMs)),
    run: (batch) =>
      new Promise((resolve, reject) => {
        waiting.push({ batch, resolve, reject });
        dispatch();
      }),
    peakMemoryBytes: () => peaks.reduce((sum, bytes) => sum + bytes, 0),
    async close() {
      closed = true;
      await Promise.all(slots.map(({ worker }) => worker?.close()));
    },
  };
}
