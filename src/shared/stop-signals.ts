/**
 * Signals that ask for an orderly end: Ctrl-C, a scheduler's notice, and the two that Slurm sends ahead of a job's time
 * limit (`sbatch --signal=USR1@120`). Node.js would start a debugger on SIGUSR1.
 */
export const STOP_SIGNALS: readonly NodeJS.Signals[] =
  process.platform === 'win32' ? ['SIGINT', 'SIGTERM'] : ['SIGINT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2'];

/** Lets SIGUSR1 and SIGUSR2 end this process as SIGTERM does, for as long as nothing else listens for them. */
export function endOnWarningSignals(): void {
  if (process.platform === 'win32') return;
  for (const name of ['SIGUSR1', 'SIGUSR2'] as const) {
    process.on(name, () => {
      if (process.listenerCount(name) === 1) process.kill(process.pid, 'SIGTERM');
    });
  }
}
