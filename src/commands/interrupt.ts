import { say } from '../shared/log.js';

/** The first Ctrl-C prints the message and aborts the signal; the second one kills the process. */
export function interruptible(message: string): { signal: AbortSignal; stop(): void } {
  const controller = new AbortController();
  const onInterrupt = (): void => {
    stop();
    say('warn', `\n${message}`);
    controller.abort();
  };
  const stop = (): void => {
    process.off('SIGINT', onInterrupt);
    process.off('SIGTERM', onInterrupt);
  };
  process.on('SIGINT', onInterrupt);
  process.on('SIGTERM', onInterrupt);
  return { signal: controller.signal, stop };
}
