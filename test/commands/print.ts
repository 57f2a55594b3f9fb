/** What a command prints on stdout and stderr, and its exit code. */
export interface Printed {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a command's function with the console caught. Calls must not overlap. */
export async function printed(command: () => Promise<number>): Promise<Printed> {
  const { log, error } = console;
  const stdout: string[] = [];
  const stderr: string[] = [];
  console.log = (text: string) => stdout.push(text);
  console.error = (text: string) => stderr.push(text);
  try {
    const code = await command();
    return { code, stdout: stdout.join('\n'), stderr: stderr.join('\n') };
  } finally {
    Object.assign(console, { log, error });
  }
}
