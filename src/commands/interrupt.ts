import { say } from '../shared/log.js';
import { STOP_SIGNALS } from '../shared/stop-signals.js';

/** The first Ctrl-C prints the message and aborts the signal; the second one kills the process. */
export function interruptible(message: string): { signal: AbortSignal; stop(): void } {
  const controller = new AbortController();
  const onInterrupt = (): void => {
    stop();
    say('warn', `\n${message}`);
    controller.abort();
  };
  const stop = (): void => {
    for (const name of STOP_SIGNALS) process.off(name, onInterrupt);
  };
  for (const name of STOP_SIGNALS) process.on(name, onInterrupt);
  return { signal: controller.signal, stop };
}
