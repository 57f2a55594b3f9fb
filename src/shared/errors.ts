import { visibleText } from './visible-text.js';

/** Exit codes of every command; see docs/troubleshooting.md. */
export const EXIT = { done: 0, failed: 1, usage: 2, someSamplesFailed: 3, interrupted: 130 } as const;

/**
 * An error the user can act on. Only its message is printed, without a stack trace.
 * The message says what happened, where (file, tensor, record) and what to do.
 */
export class UserError extends Error {
  override name = 'UserError';
  readonly exitCode: number;

  constructor(message: string, options: { exitCode?: number; cause?: unknown } = {}) {
    super(printable(message), { cause: options.cause });
    this.exitCode = options.exitCode ?? EXIT.failed;
  }
}

/** A `UserError` for an invalid command line (exit code 2). */
export function usageError(message: string): UserError {
  return new UserError(message, { exitCode: EXIT.usage });
}

/** The message of any thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * An image that cannot be used. Only the questions about it fail; the message names the image.
 */
export class ImageError extends Error {
  override name = 'ImageError';

  constructor(
    readonly code: 'missing' | 'unreadable' | 'too-large',
    message: string,
    options?: ErrorOptions,
  ) {
    super(printable(message), options);
  }
}

const MAX_MESSAGE = 1500; // characters
const SHOWN_END = 400; // characters kept at the end of a truncated message, which says what to do

/** Makes a message, which may quote untrusted files, safe for terminals and logs; removes the middle of a very long one. */
function printable(message: string): string {
  // Cut before it is escaped, so that no escape is cut in two.
  if (message.length <= MAX_MESSAGE) return visibleText(message);
  return visibleText(`${message.slice(0, MAX_MESSAGE - SHOWN_END)} ... ${message.slice(-SHOWN_END)}`);
}
