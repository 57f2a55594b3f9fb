import { closeSync, openSync, writeSync } from 'node:fs';
import { Writable } from 'node:stream';
import { usageError } from './errors.js';
import { redactText } from './redact.js';
import { systemReason } from './system-errors.js';
import { visibleText } from './visible-text.js';
import { columnsOf, wrapText } from './wrap-text.js';

export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Details of an event. Secrets in texts are redacted before they are written to the file. */
export type LogFields = Record<string, string | number | boolean | null | readonly (string | number)[]>;

let level: LogLevel = 'info';
let file: { descriptor: number; path: string } | null = null;

/**
 * Sets the log level of this process, for stderr and for the log file. Until then it is `info`, without a file.
 * @param path file to append JSON Lines to; undefined for none
 * @throws UserError (usage) if the file cannot be opened
 */
export function openLog(newLevel: LogLevel, path?: string): void {
  level = newLevel;
  if (path === undefined) return;
  try {
    file = { descriptor: openSync(path, 'a'), path };
  } catch (error) {
    throw usageError(`--log-file ${path} cannot be opened: ${systemReason(error, path)}`);
  }
}

export function closeLog(): void {
  if (file) closeSync(file.descriptor);
  file = null;
}

type Printer = (text: string) => void;

let print: Printer = (text) => console.error(text);

/**
 * Has messages printed otherwise than on stderr: above a progress bar, or by the parent process.
 * @returns ends that
 */
export function printMessagesBy(printer: Printer): () => void {
  const before = print;
  print = printer;
  return () => {
    if (print === printer) print = before;
  };
}

/** Prints a message on stderr, wrapped to the terminal, and logs it as an event `message`. */
export function say(of: LogLevel, text: string): void {
  if (isLogged(of)) print(wrapText(visibleText(text), columnsOf(process.stderr)));
  logEvent(of, 'message', { text });
}

/** Appends an event to the log file. Without a file, events are printed on stderr at the level `debug`. */
export function logEvent(of: LogLevel, event: string, fields: LogFields = {}): void {
  if (!isLogged(of)) return;
  if (file === null) {
    if (level === 'debug' && event !== 'message') console.error(`${event} ${JSON.stringify(redacted(fields))}`);
    return;
  }
  const line = { time: new Date().toISOString(), level: of, event, pid: process.pid, ...redacted(fields) };
  try {
    // Synchronous, so that events stay in order and survive a crash; there are a few dozen per second at most.
    writeSync(file.descriptor, `${JSON.stringify(line)}\n`);
  } catch (error) {
    const { path } = file;
    closeLog();
    say('warn', `Cannot write the log file ${path} (${systemReason(error, path)}). Continuing without it.`);
  }
}

/** Stream for progress and messages of long operations: stderr, or nothing at the levels `error` and `warn`. */
export function messageStream(): NodeJS.WriteStream {
  return isLogged('info') ? process.stderr : silence;
}

/** Logging options to pass to a child llavahr process. */
export function logArguments(): string[] {
  return ['--log-level', level, ...(file ? ['--log-file', file.path] : [])];
}

/** Not a terminal, so that no progress bars are drawn. */
const silence = new Writable({ write: (_chunk, _encoding, done) => done() }) as Writable as NodeJS.WriteStream;

function isLogged(of: LogLevel): boolean {
  return LOG_LEVELS.indexOf(of) <= LOG_LEVELS.indexOf(level);
}

function redacted(fields: LogFields): LogFields {
  const clean = <T>(value: T): T | string => (typeof value === 'string' ? redactText(value) : value);
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, Array.isArray(value) ? value.map(clean) : clean(value)]),
  ) as LogFields;
}
