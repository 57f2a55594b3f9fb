/** Exit codes of every command; see docs/architecture.md. */
export const EXIT = { done: 0, failed: 1, usage: 2, someSamplesFailed: 3, interrupted: 130 } as const;

/**
 * An error the user can act on: printed as its message alone, without a stack.
 * The message says what is wrong, where (file, tensor, record) and what to do.
 */
export class UserError extends Error {
  override name = 'UserError';
  readonly exitCode: number;

  constructor(message: string, options: { exitCode?: number; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
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
    super(message, options);
  }
}
