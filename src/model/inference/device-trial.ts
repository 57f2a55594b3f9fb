import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { UserError } from '../../shared/errors.js';
import { say } from '../../shared/log.js';
import { type Device, deviceName } from './device.js';

/** Result of trying a device. */
export interface DeviceTrial {
  device: string;
  /** Why the device does not work; null when it does. */
  problem: string | null;
}

const TIMEOUT_MS = 30_000;
/** CUDA's libraries are gigabytes, and may lie on a slow network file system. */
const PATIENT_TIMEOUT_MS = 180_000;

/**
 * Tries a small matrix product on a device in a separate process, which keeps native messages from the terminal. Real models
 * are checked when they load (`ensureSelfCheck`).
 */
export function tryDevice(device: string, timeoutMs = TIMEOUT_MS): Promise<DeviceTrial> {
  return new Promise((resolve) => {
    const worker = fork(new URL('./device-trial-process.js', import.meta.url), [device], { stdio: 'ignore' });
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      worker.kill('SIGKILL');
    }, timeoutMs);
    const fail = (reason: string): void => resolve({ device, problem: `--device ${device} cannot be used: ${reason}` });
    worker.on('message', (problem) => resolve({ device, problem: problem as string | null }));
    worker.on('error', (error) => fail(error.message));
    worker.on('exit', (code, signal) => {
      clearTimeout(timer);
      if (isLate) fail(`a trial took longer than ${timeoutMs / 1000} s`);
      else fail(`a trial ended with ${signal ?? `exit code ${code}`}`);
    });
  });
}

/**
 * Tries the devices of a command before any work is done for it, and warns of more CPU workers than cores.
 * @throws UserError that says what a device lacks
 */
export async function checkDevices(devices: readonly Device[]): Promise<void> {
  const workers = devices.filter(({ provider }) => provider === 'cpu').length;
  const cores = availableParallelism();
  if (workers > cores) {
    say(
      'warn',
      `${workers} CPU workers on ${cores} cores: each loads the model, and none of them gets a core of its own.`,
    );
  }
  const names = new Set(devices.filter(({ provider }) => provider !== 'cpu').map(deviceName));
  for (const name of names) {
    const { problem } = await tryDevice(name, PATIENT_TIMEOUT_MS);
    if (problem !== null) throw new UserError(problem);
  }
}
