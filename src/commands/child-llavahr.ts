import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { logArguments } from '../shared/log.js';
import { PACKAGE_ROOT } from '../shared/package-root.js';

/** Result of a llavahr command that ran as a child process. */
export interface ChildOutcome {
  exitCode: number;
  stdout: string;
}

/**
 * Runs llavahr as a child process, so that its memory is measured alone and all memory held by ONNX Runtime is freed at the
 * end. Its messages go to this process's stderr.
 * @param signal interrupts the command, which stops after its current batch
 */
export async function childLlavahr(args: readonly string[], signal: AbortSignal): Promise<ChildOutcome> {
  const child = spawn(process.execPath, [join(PACKAGE_ROOT, 'bin', 'llavahr'), ...args, ...logArguments()], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const interrupt = (): void => {
    if (!process.stdin.isTTY) child.kill('SIGINT'); // Ctrl-C in a terminal already reached the child
  };
  signal.addEventListener('abort', interrupt, { once: true });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    return { exitCode: code ?? 1, stdout: Buffer.concat(chunks).toString('utf8') };
  } finally {
    signal.removeEventListener('abort', interrupt);
  }
}
