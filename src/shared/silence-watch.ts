/** Interval at which a watched process sends a sign of life. */
export const ALIVE_INTERVAL_MS = 1000;

/** A message that is only a sign of life. */
export interface AliveMessage {
  kind: 'alive';
}

/** Watches for signs of life. */
export interface SilenceWatch {
  /** Reports a sign of life. */
  heard(): void;
  stop(): void;
}

/** Time limit for starting, generous for busy machines. */
const START_MS = 60_000;

/**
 * Calls `onSilence` once after about `silenceMs` without a sign of life, or a minute before the first one. Time is
 * counted in ticks of this process, so that a pause of this process (suspended machine, SIGSTOP) does not count as
 * silence.
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
