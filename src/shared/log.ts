import { closeSync, openSync, writeSync } from 'node:fs';
import { Writable } from 'node:stream';
import { messageOf, usageError } from './errors.js';
import { redactText } from './redact.js';

export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** What an event is about; texts lose their secrets on the way into the file. */
export type LogFields = Record<string, string | number | boolean | null | readonly (string | number)[]>;

let level: LogLevel = 'info';
let file: { descriptor: number; path: string } | null = null;

/**
 * Sets what is told, for this process: on stderr and, as JSON lines, in a file. Without this, messages of level `info`.
 * @param path a file that is appended to; undefined for none
 * @throws UserError (usage) when it cannot be opened
 */
export function openLog(newLevel: LogLevel, path?: string): void {
  level = newLevel;
  if (path === undefined) return;
  try {
    file = { descriptor: openSync(path, 'a'), path };
  } catch (error) {
    throw usageError(`--log-file ${path} cannot be opened: ${messageOf(error)}`);
  }
}

export function closeLog(): void {
  if (file) closeSync(file.descriptor);
  file = null;
}

/** Tells the user something: a line on stderr, and the event `message` of the file. */
export function say(of: LogLevel, text: string): void {
  if (isTold(of)) console.error(text);
  logEvent(of, 'message', { text });
}

/** Notes an event in the file. At the level `debug` and without a file it is a line on stderr. */
export function logEvent(of: LogLevel, event: string, fields: LogFields = {}): void {
  if (!isTold(of)) return;
  if (file === null) {
    if (level === 'debug' && event !== 'message') console.error(`${event} ${JSON.stringify(redacted(fields))}`);
    return;
  }
  const line = { time: new Date().toISOString(), level: of, event, pid: process.pid, ...redacted(fields) };
  try {
    // At once and in order, whatever becomes of the process; there are a few dozen events a second at most.
    writeSync(file.descriptor, `${JSON.stringify(line)}\n`);
  } catch (error) {
    const { path } = file;
    closeLog();
    say('warn', `${path} cannot be written (${messageOf(error)}); the run goes on without it.`);
  }
}

/** Where progress and messages of long work go: stderr, or nowhere at the levels `error` and `warn`. */
export function messageStream(): NodeJS.WriteStream {
  return isTold('info') ? process.stderr : silence;
}

/** The options of the log for a llavahr process that this one starts. */
export function logArguments(): string[] {
  return ['--log-level', level, ...(file ? ['--log-file', file.path] : [])];
}

/** No terminal, so that nothing is drawn on it. */
const silence = new Writable({ write: (_chunk, _encoding, done) => done() }) as Writable as NodeJS.WriteStream;

function isTold(of: LogLevel): boolean {
  return LOG_LEVELS.indexOf(of) <= LOG_LEVELS.indexOf(level);
}

function redacted(fields: LogFields): LogFields {
  const clean = <T>(value: T): T | string => (typeof value === 'string' ? redactText(value) : value);
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, Array.isArray(value) ? value.map(clean) : clean(value)]),
  ) as LogFields;
}
