let words: readonly string[] = [];

/** Sets the words of this process's command line behind `llavahr`, with the options of --config. */
export function setCommandLine(of: readonly string[]): void {
  words = of;
}

/** What runs record: the command line, empty in programs that use llavahr as a library. */
export function commandLine(): readonly string[] {
  return words;
}
