/**
 * Signals that request an orderly shutdown: Ctrl-C, termination by a scheduler, and the two that Slurm can send before
 * a job's time limit (`sbatch --signal=USR1@120`). By default, Node.js starts a debugger on SIGUSR1.
 */
export const STOP_SIGNALS: readonly NodeJS.Signals[] =
  process.platform === 'win32' ? ['SIGINT', 'SIGTERM'] : ['SIGINT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2'];

/** Makes SIGUSR1 and SIGUSR2 end this process like SIGTERM while nothing else listens for them. */
export function endOnWarningSignals(): void {
  if (process.platform === 'win32') return;
  for (const name of ['SIGUSR1', 'SIGUSR2'] as const) {
    process.on(name, () => {
      if (process.listenerCount(name) === 1) process.kill(process.pid, 'SIGTERM');
    });
  }
}
