import { ImageError, UserError } from '../src/shared/errors.js';

const MAX_MESSAGE = 2000; // characters; longer messages do not fit a terminal
// biome-ignore lint/suspicious/noControlCharactersInRegex: matches control characters on purpose
const CONTROL_CHARACTER = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;

/** What is wrong with an error from a reader; null when it is a proper message for users. */
export function problemOf(error: unknown): string | null {
  if (!(error instanceof UserError || error instanceof ImageError)) {
    return `not a UserError: ${error instanceof Error ? error.stack : String(error)}`;
  }
  const { message, stack } = error;
  if (message.length > MAX_MESSAGE) return `a message of ${message.length} characters: ${stack?.slice(0, MAX_MESSAGE)}`;
  if (CONTROL_CHARACTER.test(message)) return `control characters in the message: ${JSON.stringify(message)}`;
  return null;
}

/** Runs a reader that may refuse its input; undefined if it does. @throws any other error */
export async function mayRefuse<T>(read: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (problemOf(error) !== null) throw error;
    return undefined;
  }
}
