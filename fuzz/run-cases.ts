import { type ChildProcess, fork } from 'node:child_process';
import { cp, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { CaseRequest, CaseResponse } from './child.js';

/** A case with an unexpected result. */
export interface Finding {
  index: number;
  problem: string;
}

export interface Cases {
  /** Module URL of the target. */
  module: string;
  seed: number;
  /** The cases to run, while `goOn` returns true. */
  from: number;
  goOn(index: number): boolean;
  /** Folder for the files of each case in turn. */
  folder: string;
  /** Where to keep the files of cases with findings, as `<name>-<seed>-<index>`; null for nowhere. */
  keep: { folder: string; name: string } | null;
  onFinding?(finding: Finding): void;
  /** Longer cases count as hanging. */
  timeoutMs?: number;
}

/** Generous for busy machines: the slowest valid cases take a tenth of it. */
const TIMEOUT_MS = 20_000;
const HEAP_MEGABYTES = 512;
/** Limit for the whole process. An image of the maximum size has 0.5 GB and is in memory up to three times. */
const MAX_RSS_BYTES = 2 * 2 ** 30;

/** Runs cases in a child process, which is replaced when it hangs or crashes. */
export interface Runner {
  /** @returns the findings and the number of cases */
  run(cases: Cases): Promise<{ findings: Finding[]; count: number }>;
  close(): void;
}

export function startRunner(): Runner {
  let child: ChildProcess | null = null;
  const close = (): void => {
    child?.kill('SIGKILL');
    child = null;
  };
  return {
    async run({ module, seed, from, goOn, folder, keep, onFinding, timeoutMs = TIMEOUT_MS }) {
      const findings: Finding[] = [];
      let index = from;
      for (; goOn(index); index++) {
        await mkdir(folder, { recursive: true });
        child ??= startChild();
        const { problem, isUsable } = await runCase(child, { module, seed, index, folder }, timeoutMs);
        if (!isUsable) close();
        if (problem !== null) {
          findings.push({ index, problem });
          onFinding?.({ index, problem });
          if (keep) await cp(folder, join(keep.folder, `${keep.name}-${seed}-${index}`), { recursive: true });
        }
        await rm(folder, { recursive: true, force: true });
      }
      return { findings, count: index - from };
    },
    close,
  };
}

function startChild(): ChildProcess {
  return fork(new URL('./child.js', import.meta.url), {
    execArgv: [`--max-old-space-size=${HEAP_MEGABYTES}`],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
}

interface Outcome {
  problem: string | null;
  /** Whether the process can run another case. */
  isUsable: boolean;
}

async function runCase(child: ChildProcess, request: CaseRequest, timeoutMs: number): Promise<Outcome> {
  let errors = '';
  const onErrors = (text: Buffer): void => {
    errors = (errors + text).slice(-4000);
  };
  child.stderr?.on('data', onErrors);
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise((resolve) => {
      const lost = (problem: string): void => resolve({ problem, isUsable: false });
      timer = setTimeout(() => lost(`not finished within ${timeoutMs / 1000} s`), timeoutMs);
      child.once('close', (code, signal) => lost(`the process ended (${signal ?? `code ${code}`}): ${errors}`));
      child.once('message', ({ problem, maxRssBytes }: CaseResponse) => {
        // A process's peak memory never decreases, so start a new one.
        if (maxRssBytes > MAX_RSS_BYTES) lost(`${Math.round(maxRssBytes / 2 ** 20)} MB of memory`);
        else resolve({ problem, isUsable: true });
      });
      child.send(request);
    });
  } finally {
    clearTimeout(timer);
    child.removeAllListeners('close');
    child.removeAllListeners('message');
    child.stderr?.off('data', onErrors);
  }
}
