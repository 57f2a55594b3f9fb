import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { addressSpaceAdvice } from '../../shared/address-space.js';
import { messageOf, UserError } from '../../shared/errors.js';
import { pendingRequests } from '../../shared/pending-requests.js';
import { type AliveMessage, watchSilence } from '../../shared/silence-watch.js';
import type { Model } from '../model-folder.js';
import { type Device, deviceName } from './device.js';
import { type Inference, resultOf } from './inference.js';
import { readNativeMessages } from './native-messages.js';
import type { WorkerRequest, WorkerResponse } from './protocol.js';

/** A worker process ended before completing its batches. */
export class WorkerEndedError extends Error {
  override name = 'WorkerEndedError';

  constructor(
    message: string,
    /**
     * Whether the process ran out of memory: `yes` when the kernel reported it, `perhaps` when native code aborted, as ONNX
     * Runtime does when a small allocation fails.
     */
    readonly outOfMemory: 'yes' | 'perhaps' | 'no',
  ) {
    super(message);
  }
}

/** Payload of `load` for a worker process. */
export interface LoadModel {
  model: Model;
  device: Device;
  threads: number;
}

/** A model loaded in a separate process. */
export interface WorkerProcess extends Inference {
  readonly pid: number;
}

/** Its main thread is idle while the model runs, so that silence means a process that is stopped or hangs. */
const SILENCE_MS = 60_000;

/**
 * Loads a model on a device in a separate process, which exits when this one does, even if this one is killed.
 * @param threads threads per operator; 0 uses every core
 * @param silenceMs a worker without a sign of life for this long is killed
 * @throws UserError when the device is unusable or the process ends while loading
 */
export async function startWorkerProcess(
  model: Model,
  device: Device,
  threads: number,
  silenceMs = SILENCE_MS,
): Promise<WorkerProcess> {
  const kills = outOfMemoryKills();
  const worker = fork(new URL('./inference-process.js', import.meta.url), {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const nativeMessages = readNativeMessages(worker.stderr!);
  const requests = pendingRequests<WorkerRequest<LoadModel>, WorkerResponse>((request) => {
    worker.send(request, () => {}); // a dead process is reported by `exit`
  });
  let peakMemoryBytes = 0;
  let isFrozen = false;
  const silence = watchSilence(silenceMs, () => {
    isFrozen = true;
    worker.kill('SIGKILL');
  });
  worker.on('message', (message) => {
    silence.heard();
    const sent = message as WorkerResponse | AliveMessage;
    if (sent.kind !== 'alive') requests.settle(sent);
  });
  const name = `The worker process of ${deviceName(device)}`;
  worker.on('error', (error) => requests.end(new WorkerEndedError(`${name} failed: ${error.message}`, 'no')));
  const exited = new Promise((resolve) => worker.on('exit', resolve));
  worker.on('exit', silence.stop);
  // After `exit`, when its last words have been read.
  worker.on('close', (code: number | null, signal: NodeJS.Signals | null) => {
    const wasKilled = !isFrozen && signal === 'SIGKILL' && outOfMemoryKills() > kills;
    const outOfMemory = wasKilled ? 'yes' : signal === 'SIGABRT' || signal === 'SIGSEGV' ? 'perhaps' : 'no';
    const reason = wasKilled
      ? 'killed by the kernel (out of memory)'
      : isFrozen
        ? `killed after ${Math.round(silenceMs / 1000)} s without a sign of life`
        : (signal ?? `exit code ${code}`);
    const words = nativeMessages();
    const ended = `${name} (${worker.pid}) ended: ${reason}${words === '' ? '' : ` (${words})`}`;
    requests.end(new WorkerEndedError(ended, outOfMemory));
  });
  const close = async (): Promise<void> => {
    worker.kill('SIGKILL');
    await exited;
  };

  let loaded: WorkerResponse;
  try {
    loaded = await requests.ask({ kind: 'load', model, device, threads });
  } catch (error) {
    const advice = addressSpaceAdvice('out of memory');
    throw new UserError(`${messageOf(error)} while loading the model.${advice}`, { cause: error });
  }
  if (loaded.kind !== 'loaded') {
    await close();
    throw new UserError(loaded.kind === 'failure' ? loaded.message : 'The worker process sent an unexpected message.');
  }
  return {
    pid: worker.pid!,
    loadMs: loaded.loadMs,
    async run(batch) {
      const response = resultOf(await requests.ask({ kind: 'run', batch }));
      ({ peakMemoryBytes } = response);
      return response.result;
    },
    peakMemoryBytes: () => peakMemoryBytes,
    close,
  };
}

/** Number of processes the Linux kernel has killed out of memory since boot; 0 where that is unknown. */
function outOfMemoryKills(): number {
  try {
    return Number(/^oom_kill (\d+)$/m.exec(readFileSync('/proc/vmstat', 'latin1'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
