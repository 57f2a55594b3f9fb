/** The file that a command line names with `--config`; null without one. */
export function configPath(argv: readonly string[]): string | null {
  const at = argv.findIndex((word) => word === '--config' || word.startsWith('--config='));
  if (at < 0) return null;
  return argv[at] === '--config' ? (argv[at + 1] ?? null) : argv[at]!.slice('--config='.length);
}

/**
 * Says where the options come from that an error names; empty if none of them is from the file of `--config`.
 * @param typed the command line as typed
 * @param words the command line with the options of the file
 */
export function originsOf(message: string, typed: readonly string[], words: readonly string[]): string {
  const named = new Set(message.match(/(?<![\w-])--[a-z][a-z-]*/g));
  const onLine = optionsIn(typed).filter((option) => named.has(option));
  const inFile = optionsIn(words).filter((option) => named.has(option) && !onLine.includes(option));
  if (inFile.length === 0) return '';
  const others = onLine.length === 0 ? '' : `; on the command line: ${onLine.join(', ')}`;
  return `(set in ${configPath(typed)}: ${inFile.join(', ')}${others})`;
}

/** Long names of the options among words, each once. */
function optionsIn(words: readonly string[]): string[] {
  return [...new Set(words.filter((word) => word.startsWith('--')).map((word) => word.replace(/=.*/s, '')))];
}
