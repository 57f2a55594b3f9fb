import { setImmediate as nextTurn } from 'node:timers/promises';
import { randomOf } from './random.js';
import { problemOf } from './refusal.js';
import type { FuzzTarget } from './target.js';

/*
 * Runs cases in a separate process, so that hangs, crashes and memory exhaustion only affect that process. It receives
 * one case at a time and answers with the problem, if any, and its peak memory.
 */

export interface CaseRequest {
  /** URL of the target's module. */
  module: string;
  seed: number;
  index: number;
  /** Empty folder for the case's files. */
  folder: string;
}

export interface CaseResponse {
  /** null when the files were read or properly refused. */
  problem: string | null;
  maxRssBytes: number;
}

process.on('message', async ({ module, seed, index, folder }: CaseRequest) => {
  const { target } = (await import(module)) as { target: FuzzTarget };
  const problem = await target.run(folder, randomOf(seed, index)).then(() => null, problemOf);
  await nextTurn(); // an unhandled error ends the process here, before the answer
  const response: CaseResponse = {
    problem: problem ?? pollution(),
    maxRssBytes: process.resourceUsage().maxRSS * 1024,
  };
  process.send?.(response);
});

/** Detects prototype pollution. */
function pollution(): string | null {
  return 'polluted' in {} ? 'Object.prototype was changed' : null;
}
