/**
 * Which parameters of a chat completion a server accepts. Servers and models differ: OpenAI's newer models require
 * `max_completion_tokens` and reject a temperature; small servers know neither `seed` nor `stream_options`.
 */
export interface Dialect {
  maxTokens: 'max_tokens' | 'max_completion_tokens';
  /** Whether these are sent. */
  temperature: boolean;
  seed: boolean;
  stream: boolean;
  streamOptions: boolean;
}

/** What most servers accept; tried first. */
export const COMMON_DIALECT: Dialect = {
  maxTokens: 'max_tokens',
  temperature: true,
  seed: true,
  stream: true,
  streamOptions: true,
};

/** How servers say that they reject a parameter. Other words, such as "is too long", are about its value. */
const REFUSAL =
  /unsupported|not (?:supported|permitted|allowed)|does not support|unknown|unrecogni[sz]ed|unexpected|extra/i;

/**
 * The dialect without the parameter that a server rejects.
 * @param message the body of the rejection (status 400 or 422)
 * @returns null when the rejection is about something else, or nothing is left to change
 */
export function adaptDialect(dialect: Dialect, message: string): Dialect | null {
  if (!REFUSAL.test(message)) return null;
  const names = (name: string): boolean => new RegExp(`\\b${name}\\b`).test(message);
  if (names('max_tokens') && dialect.maxTokens === 'max_tokens') {
    return { ...dialect, maxTokens: 'max_completion_tokens' };
  }
  if (names('max_completion_tokens') && dialect.maxTokens === 'max_completion_tokens') return null;
  if (names('temperature') && dialect.temperature) return { ...dialect, temperature: false };
  if (names('seed') && dialect.seed) return { ...dialect, seed: false };
  if (names('stream_options') && dialect.streamOptions) return { ...dialect, streamOptions: false };
  if (names('stream') && dialect.stream) return { ...dialect, stream: false, streamOptions: false };
  return null;
}
