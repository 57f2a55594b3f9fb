/**
 * Keeps the program running when stdout or stderr fails: a closed pipe (`2>&1 | head`), a closed terminal, a full disk.
 * Results are on disk anyway. Errors on stderr are ignored. Errors on stdout other than a closed pipe (EPIPE) change
 * exit code 0 to 1.
 */
export function surviveLostStreams(): void {
  let outputError: NodeJS.ErrnoException | null = null;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') outputError ??= error;
  });
  process.stderr.on('error', () => {});
  neverThrow(process.stderr);
  // Sent when the terminal closes. Ignored like with nohup, whose setting Node.js resets.
  if (process.platform !== 'win32') process.on('SIGHUP', () => {});
  process.on('exit', (code) => {
    if (outputError === null) return;
    process.stderr.write(`error: stdout cannot be written: ${outputError.message}\n`);
    if (code === 0) process.exitCode = 1;
  });
}

/** Some versions of Node.js throw errors from writing to a file. */
function neverThrow(stream: NodeJS.WriteStream): void {
  const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
  stream.write = (...args: unknown[]): boolean => {
    try {
      return write(...args);
    } catch {
      return true;
    }
  };
}
