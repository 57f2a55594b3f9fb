import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { EvalJson } from '../src/commands/json-output.js';
import type { RunResult } from '../src/results/runs/load-run.js';
import { PACKAGE_ROOT } from '../src/shared/package-root.js';
import { withFolder } from './temporary-folder.js';

/* Runs the embedded model on the embedded TextVQA sample like a user. */

/** Fraction of the time in which the model is idle. */
export async function measureIdle(): Promise<string> {
  const shares: string[] = [];
  for (const size of [2, 4, 16]) {
    const { latency } = await evaluate('--batch-size', String(size));
    shares.push(`${(100 * latency.modelIdle!).toFixed(1)} % at batch size ${size}`);
  }
  return `${shares.join(', ')} (target: at most 5 %)`;
}

/** Two workers with one thread each compared with one worker with two threads, alternating. */
export async function measureWorkers(): Promise<string> {
  const ratios: number[] = [];
  for (let i = 0; i < 3; i++) {
    const one = await evaluate('--batch-size', '4', '--threads', '2');
    const two = await evaluate('--batch-size', '4', '--devices', 'cpu:2', '--threads', '1');
    ratios.push(two.latency.questionsPerSecond! / one.latency.questionsPerSecond!);
  }
  const [, median] = ratios.sort((a, b) => a - b);
  return `${median!.toFixed(2)} times the questions/s of one worker with two threads`;
}

async function evaluate(...options: string[]): Promise<RunResult> {
  return withFolder(async (folder) => {
    const args = [join(PACKAGE_ROOT, 'bin', 'llavahr'), 'eval', 'textvqa', '--json', '--output', folder, ...options];
    const stdio: ['ignore', 'pipe', 'ignore'] = ['ignore', 'pipe', 'ignore'];
    const { runs } = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8', stdio })) as EvalJson;
    return runs[0]!;
  });
}
