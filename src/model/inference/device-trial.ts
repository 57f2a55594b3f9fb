import { fork } from 'node:child_process';

/** Whether a device works. */
export interface DeviceTrial {
  device: string;
  /** Why it does not; null when it does. */
  problem: string | null;
}

const TIMEOUT_MS = 30_000;

/** Tries a device on a small product, in a process of its own. The results of models are checked when they are loaded. */
export function tryDevice(device: string): Promise<DeviceTrial> {
  return new Promise((resolve) => {
    const worker = fork(new URL('./device-trial-process.js', import.meta.url), [device], { stdio: 'ignore' });
    const timer = setTimeout(() => worker.kill('SIGKILL'), TIMEOUT_MS);
    worker.on('message', (problem) => resolve({ device, problem: problem as string | null }));
    worker.on('error', (error) => resolve({ device, problem: error.message }));
    worker.on('exit', (code, signal) => {
      clearTimeout(timer);
      resolve({ device, problem: `the process that tried it ended with ${signal ?? `exit code ${code}`}` });
    });
  });
}
