/**
 * Keeps a lost stdout or stderr from ending the program: a reader that has gone (`2>&1 | head`), a closed terminal, a full
 * disk. Results are on the disk by then. What cannot be written to stderr is dropped. An output that is not a pipe whose
 * reader has gone (EPIPE) and could not be written makes the exit code 1 where it would have been 0.
 */
export function surviveLostStreams(): void {
  let outputError: NodeJS.ErrnoException | null = null;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') outputError ??= error;
  });
  process.stderr.on('error', () => {});
  neverThrow(process.stderr);
  // Sent by a terminal that is closed. What takes long goes on, as with nohup, whose ignoring of it Node.js undoes.
  if (process.platform !== 'win32') process.on('SIGHUP', () => {});
  process.on('exit', (code) => {
    if (outputError === null) return;
    process.stderr.write(`error: stdout cannot be written: ${outputError.message}\n`);
    if (code === 0) process.exitCode = 1;
  });
}

/** Some versions of Node.js throw what a write to a file meets. */
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
