import { fork } from 'node:child_process';

/** Result of trying a device. */
export interface DeviceTrial {
  device: string;
  /** Why the device does not work; null when it does. */
  problem: string | null;
}

const TIMEOUT_MS = 30_000;

/** Tries a small matrix product on a device in a separate process. Real models are checked when they load (`ensureSelfCheck`). */
export function tryDevice(device: string): Promise<DeviceTrial> {
  return new Promise((resolve) => {
    const worker = fork(new URL('./device-trial-process.js', import.meta.url), [device], { stdio: 'ignore' });
    const timer = setTimeout(() => worker.kill('SIGKILL'), TIMEOUT_MS);
    worker.on('message', (problem) => resolve({ device, problem: problem as string | null }));
    worker.on('error', (error) => resolve({ device, problem: error.message }));
    worker.on('exit', (code, signal) => {
      clearTimeout(timer);
      resolve({ device, problem: `the test process ended with ${signal ?? `exit code ${code}`}` });
    });
  });
}
