import { say } from '../shared/log.js';
/** A signal that the first Ctrl-C raises, with a message; the second ends the process at once. */
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
