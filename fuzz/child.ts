import { setImmediate as nextTurn } from 'node:timers/promises';
import { randomOf } from './random.js';
import { problemOf } from './refusal.js';
import type { FuzzTarget } from './target.js';

/*
 * Runs cases in a process of its own, so that a hang, a crash or a full memory is that process's. It is told a case at a
 * time and answers with the problem, if there is one, and with the most memory it ever had.
 */

export interface CaseRequest {
  /** Module URL whose `target` is to be run. */
  module: string;
  seed: number;
  index: number;
  /** Empty; for the case's files. */
  folder: string;
}

export interface CaseResponse {
  /** null when the files were read, or refused properly. */
  problem: string | null;
  maxRssBytes: number;
}

process.on('message', async ({ module, seed, index, folder }: CaseRequest) => {
  const { target } = (await import(module)) as { target: FuzzTarget };
  const problem = await target.run(folder, randomOf(seed, index)).then(() => null, problemOf);
  await nextTurn(); // an error that nobody handles ends the process here, before the answer
  const response: CaseResponse = {
    problem: problem ?? pollution(),
    maxRssBytes: process.resourceUsage().maxRSS * 1024,
  };
  process.send?.(response);
});

/** Whether a file has changed what every object has. */
function pollution(): string | null {
  return 'polluted' in {} ? 'Object.prototype was changed' : null;
}
