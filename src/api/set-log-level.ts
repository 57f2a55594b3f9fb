import { type LogLevel, openLog } from '../shared/log.js';

/** Sets what is written to stderr: `error`, `warn` (default), `info` with messages and progress, or `debug`. */
export function setLogLevel(level: LogLevel): void {
  openLog(level);
}
