import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PACKAGE_ROOT } from '../src/shared/package-root.js';
import { withFolder } from './temporary-folder.js';
import { ANSWER_FILE, writeTestDev, writeVal } from './vqa-files.js';
import type { Measured } from './vqa-scale-process.js';

/** Reads the questions of test-dev and groups them by image. */
export async function readingTestDev(): Promise<string> {
  return withFolder(async (folder) => {
    await writeTestDev(folder);
    const { groups, readMs, peakBytes } = inProcessOfItsOwn('test-dev', folder);
    return `${seconds(readMs)} and ${megabytes(peakBytes)}, ${groups} groups (target: under 2 s)`;
  });
}

/**
 * Scores an answer to every question of val: the command from the files to figures with intervals, and its parts without
 * intervals. The memory includes reading questions and annotations.
 */
export async function scoringVal(): Promise<string> {
  return withFolder(async (folder) => {
    await writeVal(folder);
    const wholeMs = scoreByCommand(folder);
    const { scoreMs, readMs, peakBytes } = inProcessOfItsOwn('val', folder);
    const parts = `reading ${seconds(readMs)}, scoring ${seconds(scoreMs)}`;
    return `${seconds(wholeMs)} and ${megabytes(peakBytes)}; ${parts} (target: under 3 s and under 600 MB)`;
  });
}

function scoreByCommand(folder: string): number {
  const start = performance.now();
  const options = ['--split', 'val', '--data', folder, '--predictions', join(folder, ANSWER_FILE)];
  execFileSync(process.execPath, [join(PACKAGE_ROOT, 'bin', 'llavahr'), 'score', 'vqav2', ...options]);
  return performance.now() - start;
}

// On Linux, a process inherits the peak memory of its parent, so start it from a small process in between.
const LAUNCHER =
  "require('node:child_process').execFileSync(process.execPath, process.argv.slice(1), { stdio: 'inherit' })";

function inProcessOfItsOwn<Split extends keyof Measured>(split: Split, folder: string): Measured[Split] {
  const script = fileURLToPath(new URL('vqa-scale-process.js', import.meta.url));
  const output = execFileSync(process.execPath, ['-e', LAUNCHER, script, split, folder], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return JSON.parse(output) as Measured[Split];
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}
