import { UserError } from '../../shared/errors.js';
import type { Inference } from './inference.js';
import type { Batch, BatchResult } from './protocol.js';
import { WorkerEndedError } from './worker-process.js';

/** Batches a worker has at a time: the one it runs and the next one. */
const BATCHES_PER_WORKER = 2;
/** How often a worker that ended is started again without having done a batch in between. */
const MAX_RESTARTS = 5;

interface Job {
  batch: Batch;
  resolve: (result: BatchResult) => void;
  reject: (error: unknown) => void;
}

interface Slot {
  index: number;
  /** Null while it is started again, and for good when that failed. */
  worker: Inference | null;
  jobs: Job[];
  restarts: number;
  isGone: boolean;
}

/**
 * Several workers as one model: a batch goes to the worker with the least to do. When a worker ends, the batch it ran is
 * rejected with its WorkerEndedError, the ones behind it go to other workers, and it is started again.
 * @param start starts worker `index` again
 * @param say tells the user about workers that ended
 */
export function openInferencePool(
  workers: readonly Inference[],
  start: (index: number) => Promise<Inference>,
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
    const gone = new UserError('Every worker process ended again and again; the messages above say why.');
    for (const { reject } of waiting) reject(gone);
    waiting = [];
  };

  const run = async (slot: Slot, worker: Inference, job: Job): Promise<void> => {
    slot.jobs.push(job);
    try {
      const result = await worker.run(job.batch);
      slot.restarts = 0;
      peaks[slot.index] = Math.max(peaks[slot.index]!, worker.peakMemoryBytes());
      leave(slot, job);
      job.resolve(result);
    } catch (error) {
      if (error instanceof WorkerEndedError) return ended(slot, worker, error);
      leave(slot, job);
      job.reject(error);
    }
  };

  const leave = (slot: Slot, job: Job): void => {
    slot.jobs = slot.jobs.filter((other) => other !== job);
    dispatch();
  };

  /** Called for each of the worker's batches; the first call settles them all. */
  const ended = (slot: Slot, worker: Inference, error: WorkerEndedError): void => {
    if (slot.worker !== worker) return;
    const [ran, ...behind] = slot.jobs;
    slot.worker = null;
    slot.jobs = [];
    waiting.unshift(...behind);
    ran!.reject(error);
    if (closed) return;
    slot.isGone = slot.restarts++ >= MAX_RESTARTS;
    say(`${error.message}. ${slot.isGone ? 'It is not started again.' : 'It is started again.'}`);
    if (!slot.isGone) void startAgain(slot);
    dispatch();
  };

  const startAgain = async (slot: Slot): Promise<void> => {
    try {
      const worker = await start(slot.index);
      if (closed) await worker.close();
      else slot.worker = worker;
    } catch (error) {
      slot.isGone = true;
      say(`It could not be started: ${error instanceof Error ? error.message : error}`);
    }
    dispatch();
  };

  return {
    loadMs: Math.max(...workers.map(({ loadMs }) => loadMs)),
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
