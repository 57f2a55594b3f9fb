import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { logArguments } from '../shared/log.js';
import { PACKAGE_ROOT } from '../shared/package-root.js';

/** What a command that ran in a process of its own came to. */
export interface ChildOutcome {
  exitCode: number;
  stdout: string;
}

/**
 * Runs llavahr in a process of its own: its memory is its own in the figures, and what ONNX Runtime keeps ends with it.
 * Its messages go to stderr.
 * @param signal when aborted, the command is interrupted and stops after its current batch
 */
export async function childLlavahr(args: readonly string[], signal: AbortSignal): Promise<ChildOutcome> {
  const child = spawn(process.execPath, [join(PACKAGE_ROOT, 'bin', 'llavahr'), ...args, ...logArguments()], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const interrupt = (): void => {
    if (!process.stdin.isTTY) child.kill('SIGINT'); // a terminal's Ctrl-C has reached it already
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
