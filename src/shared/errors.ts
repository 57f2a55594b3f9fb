/** Exit codes of every command; see docs/troubleshooting.md. */
export const EXIT = { done: 0, failed: 1, usage: 2, someSamplesFailed: 3, interrupted: 130 } as const;

/**
 * An error the user can act on: printed as its message alone, without a stack.
 * The message says what is wrong, where (file, tensor, record) and what to do.
 */
export class UserError extends Error {
  override name = 'UserError';
  readonly exitCode: number;

  constructor(message: string, options: { exitCode?: number; cause?: unknown } = {}) {
    super(printable(message), { cause: options.cause });
    this.exitCode = options.exitCode ?? EXIT.failed;
  }
}

/** A `UserError` for a command line that cannot be carried out (exit code 2). */
export function usageError(message: string): UserError {
  return new UserError(message, { exitCode: EXIT.usage });
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * An image that cannot be given to the model. It fails the questions about this image and nothing else; the message
 * names the image.
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
const SHOWN_END = 400; // of a message that is cut: its end says what to do

/**
 * A message as a terminal and a log can have it. It may quote a file that somebody else made: control characters, which a
 * terminal would obey, are escaped but for line breaks, and the middle of a very long one is left out.
 */
function printable(message: string): string {
  const escaped = message.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these it is about
    /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  if (escaped.length <= MAX_MESSAGE) return escaped;
  return `${escaped.slice(0, MAX_MESSAGE - SHOWN_END)} ... ${escaped.slice(-SHOWN_END)}`;
}
