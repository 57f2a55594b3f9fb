export const HIDDEN = '[hidden]';

// Words in an option's name that mark its value as secret. Not "tokens": --max-new-tokens, --ocr-tokens.
const SECRET_WORDS = new Set([
  ...['key', 'apikey', 'token', 'secret', 'password', 'passwd', 'passphrase', 'auth', 'authorization'],
  ...['bearer', 'credential', 'credentials', 'signature', 'sig', 'cookie'],
]);

// Access tokens of Hugging Face, OpenAI, GitHub, AWS.
const TOKEN = /\b(?:hf_[A-Za-z0-9]{30,}|sk-[\w-]{20,}|gh[oprsu]_[A-Za-z0-9]{30,}|github_pat_\w{30,}|AKIA[A-Z0-9]{16})/g;

/**
 * Removes secrets from a command line: values of options named like keys or tokens, access tokens anywhere, and
 * credentials in URLs. Command lines are recorded in runs and end up in bug reports.
 */
export function redactArguments(argv: readonly string[]): string[] {
  return argv.map((argument, i) => {
    const previous = argv[i - 1];
    if (previous !== undefined && isOption(previous) && !previous.includes('=') && isSecretName(previous))
      return HIDDEN;
    const equals = argument.indexOf('=');
    if (equals > 0 && isSecretName(argument.slice(0, equals))) return `${argument.slice(0, equals)}=${HIDDEN}`;
    return redactText(argument);
  });
}

/** Removes access tokens and URL credentials from a string. */
export function redactText(text: string): string {
  return text
    .replace(TOKEN, HIDDEN)
    .replace(/(:\/\/)[^/@\s]+@/g, `$1${HIDDEN}@`)
    .replace(/([?&])([^=&#\s]+)=[^&#\s]*/g, (whole, mark: string, name: string) =>
      isSecretName(name) ? `${mark}${name}=${HIDDEN}` : whole,
    );
}

function isOption(argument: string): boolean {
  return argument.startsWith('-');
}

/** --judge-key, --hfToken, OPENAI_API_KEY */
function isSecretName(name: string): boolean {
  if (!/^[\w-]+$/.test(name)) return false;
  const words = name.replace(/([a-z])([A-Z])/g, '$1-$2').split(/[^A-Za-z]+/);
  return words.some((word) => SECRET_WORDS.has(word.toLowerCase()));
}
