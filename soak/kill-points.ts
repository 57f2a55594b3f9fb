import { type FSWatcher, watch } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { EvalJson } from '../src/commands/json-output.js';
import { readPredictions } from '../src/results/runs/predictions.js';
import { expectSame, killUntilDone, type Running, randomDraw, startLlavahr, unexpected } from './processes.js';

/*
 * Repeatedly kills `llavahr eval` at random moments and restarts it. A moment is a number of file system changes in the
 * run folder (a lock, a write, a rename), counted by the kernel, plus a few milliseconds, so that all stages of a run
 * are hit, not only the long ones.
 */

export interface SoakOptions {
  /** Arguments of `llavahr eval` without --output. */
  args: readonly string[];
  kills: number;
  seed: number;
  /** Empty folder for results and the model cache. */
  folder: string;
  /** Called after each kill. */
  onKill?: (report: KillReport) => void;
}

export interface KillReport {
  signal: NodeJS.Signals;
  /** File system changes before the kill. */
  changes: number;
  /** Answers on disk afterwards. */
  answers: number;
}

export interface SoakReport {
  kills: number;
  /** Number of SIGINTs, after which the process ends by itself. */
  interrupts: number;
  /** Completed runs, each compared with an uninterrupted one. */
  runs: number;
}

/** Files that must be identical to those of an uninterrupted run. */
const COMPARED = ['predictions.jsonl', 'metrics.json', 'question-scores.json', 'references.json'];
const LANES = 2; // runs that are killed and resumed in parallel

/** @throws Error when an answer is lost, duplicated or changed, or a final result differs from the uninterrupted run */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const { kills, folder } = options;
  const undisturbed = await runUndisturbed(options);
  const report: SoakReport = { kills: 0, interrupts: 0, runs: 0 };
  const lanes = Array.from({ length: LANES }, async (_, lane) => {
    const share = Math.floor((kills + lane) / LANES);
    await killAndContinue({ ...options, seed: options.seed + lane, kills: share }, lane, undisturbed, report);
  });
  await Promise.all(lanes);
  await rm(join(folder, 'undisturbed'), { recursive: true });
  return report;
}

interface Undisturbed {
  run: string;
  /** File system changes of a whole run. */
  changes: number;
  questions: number;
}

async function runUndisturbed({ args, folder }: SoakOptions): Promise<Undisturbed> {
  const output = join(folder, 'undisturbed');
  await mkdir(output);
  const watchers: FSWatcher[] = [];
  let changes = 0;
  const onChange = () => {
    changes++;
  };
  watchers.push(
    watch(output, (_, name) => watchers.length === 1 && watchers.push(watch(join(output, name!), onChange))),
  );
  const ended = await startEval(args, output, cacheIn(folder)).ended.finally(() => {
    for (const watcher of watchers) watcher.close();
  });
  if (ended.code !== 0) throw unexpected(ended);
  const run = (JSON.parse(ended.stdout) as EvalJson).runs[0]!.folder;
  return { run, changes, questions: (await answersIn(run)).size };
}

/** Kills and resumes runs until there were enough kills, and compares each with the uninterrupted one. */
async function killAndContinue(
  { args, kills, seed, folder, onKill }: SoakOptions,
  lane: number,
  undisturbed: Undisturbed,
  report: SoakReport,
): Promise<void> {
  const draw = randomDraw(seed);
  for (let killed = 0; killed < kills; ) {
    const output = join(folder, `killed-${lane}`);
    const run = join(output, basename(undisturbed.run));
    await mkdir(run, { recursive: true });
    const start = () => startEval(args, output, cacheIn(folder));
    killed += await killUntilDone({
      ...{ folder: run, start, changes: undisturbed.changes, draw, kills: kills - killed },
      async watch() {
        const before = await answersIn(run);
        return async () => {
          const after = await answersIn(run);
          for (const [index, text] of before) {
            if (after.get(index) !== text)
              throw new Error(`answer ${index} changed from ${text} to ${after.get(index)} in ${run}`);
          }
        };
      },
      async onKill({ signal, changes }) {
        report.kills++;
        if (signal === 'SIGINT') report.interrupts++;
        onKill?.({ signal, changes, answers: (await answersIn(run)).size });
      },
    });
    for (const name of COMPARED) await expectSame(join(run, name), join(undisturbed.run, name));
    report.runs++;
    await rm(output, { recursive: true });
  }
}

function cacheIn(folder: string): string {
  return join(folder, 'cache');
}

function startEval(args: readonly string[], output: string, cache: string): Running {
  return startLlavahr(['eval', ...args, '--output', output, '--json'], { LLAVAHR_CACHE: cache });
}

async function answersIn(run: string): Promise<Map<number, string | null>> {
  const predictions = await readPredictions(join(run, 'predictions.jsonl'));
  return new Map(predictions.map(({ index, text }) => [index, text]));
}
