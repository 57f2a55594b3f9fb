/** How often a process says that it is alive, to one that watches it. */
export const ALIVE_INTERVAL_MS = 1000;

/** A message that says nothing else. */
export interface AliveMessage {
  kind: 'alive';
}

/** Watches for signs of life. */
export interface SilenceWatch {
  /** A sign of life. */
  heard(): void;
  stop(): void;
}

/** A process that is being started has this long, on a busy machine too. */
const START_MS = 60_000;

/**
 * Calls `onSilence` once when no sign of life came for about `silenceMs`, a minute before the first one. The time is counted in ticks of this process, so
 * that one that was stopped itself (a paused machine, SIGSTOP) does not take its own pause for the other's silence.
 */
export function watchSilence(silenceMs: number, onSilence: () => void): SilenceWatch {
  const tickMs = Math.min(ALIVE_INTERVAL_MS, silenceMs / 4);
  let allowed = Math.ceil(Math.max(silenceMs, START_MS) / tickMs);
  let silentTicks = 0;
  const timer = setInterval(() => {
    if (++silentTicks < allowed) return;
    clearInterval(timer);
    onSilence();
  }, tickMs);
  timer.unref();
  return {
    heard() {
      allowed = Math.ceil(silenceMs / tickMs);
      silentTicks = 0;
    },
    stop() {
      clearInterval(timer);
    },
  };
}
