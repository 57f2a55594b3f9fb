import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type FSWatcher, watch } from 'node:fs';
import { cp, mkdir, readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { EvalJson } from '../src/commands/json-output.js';
import { readPredictions } from '../src/results/runs/predictions.js';
import { EXIT } from '../src/shared/errors.js';
import { PACKAGE_ROOT } from '../src/shared/package-root.js';

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
const MOST_DELAY_MS = 20; // about as long as a batch of the embedded model takes
const ONE_INTERRUPT_IN = 8;
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
  const random = xoroshiro128plus(seed);
  const draw = (from: number, to: number) => uniformInt(random, from, to);
  for (let killed = 0; killed < kills; ) {
    const output = join(folder, `killed-${lane}`);
    const run = join(output, basename(undisturbed.run));
    await mkdir(run, { recursive: true });
    const start = () => startEval(args, output, cacheIn(folder));
    let ended: Ended;
    do {
      const signal = draw(1, ONE_INTERRUPT_IN) === 1 ? 'SIGINT' : 'SIGKILL';
      const at: KillPoint = { signal, changes: draw(1, undisturbed.changes), delayMs: draw(0, MOST_DELAY_MS) };
      const before = await answersIn(run);
      ended = killed < kills ? await killAt(run, start, at) : await start().ended;
      const after = await answersIn(run);
      for (const [index, text] of before) {
        if (after.get(index) !== text)
          throw new Error(`answer ${index} changed from ${text} to ${after.get(index)} in ${run}`);
      }
      // SIGINT kills the process before eval listens for it, and after it stops listening.
      if (ended.signal === signal || ended.code === EXIT.interrupted) {
        killed++;
        report.kills++;
        if (signal === 'SIGINT') report.interrupts++;
        onKill?.({ signal, changes: at.changes, answers: after.size });
      } else if (ended.code !== EXIT.done) {
        throw unexpected(ended);
      }
    } while (ended.code !== EXIT.done);
    for (const name of COMPARED) await expectSame(run, undisturbed.run, name);
    report.runs++;
    await rm(output, { recursive: true });
  }
}

function cacheIn(folder: string): string {
  return join(folder, 'cache');
}

interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

interface Running {
  child: ChildProcess;
  ended: Promise<Ended>;
}

function startEval(args: readonly string[], output: string, cache: string): Running {
  const command = [join(PACKAGE_ROOT, 'bin', 'llavahr'), 'eval', ...args, '--output', output, '--json'];
  const env = { ...process.env, LLAVAHR_CACHE: cache };
  const child = spawn(process.execPath, command, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr] = [child.stdout, child.stderr].map((stream) => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    return () => Buffer.concat(chunks).toString();
  });
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, stdout: stdout!(), stderr: stderr!() }));
  return { child, ended };
}

interface KillPoint {
  signal: 'SIGINT' | 'SIGKILL';
  changes: number;
  delayMs: number;
}

/** Starts a process and sends it a signal after a number of changes in a folder, unless it has ended. */
async function killAt(folder: string, start: () => Running, { signal, changes, delayMs }: KillPoint): Promise<Ended> {
  let seen = 0;
  let reach: () => void = () => {};
  const reached = new Promise<void>((resolve) => {
    reach = resolve;
  });
  const watcher = watch(folder, () => {
    if (++seen === changes) reach();
  });
  const { child, ended } = start();
  try {
    const isReached = await Promise.race([reached.then(() => true), ended.then(() => false)]);
    if (isReached) {
      await sleep(delayMs);
      child.kill(signal);
    }
    return await ended;
  } finally {
    watcher.close();
  }
}

async function answersIn(run: string): Promise<Map<number, string | null>> {
  const predictions = await readPredictions(join(run, 'predictions.jsonl'));
  return new Map(predictions.map(({ index, text }) => [index, text]));
}

function unexpected({ code, signal, stderr }: Ended): Error {
  return new Error(`eval ended with ${code ?? signal}:\n${stderr}`);
}

async function expectSame(run: string, expected: string, name: string): Promise<void> {
  const [found, wanted] = await Promise.all([readFile(join(run, name)), readFile(join(expected, name))]);
  if (found.equals(wanted)) return;
  await cp(run, `${run}.different`, { recursive: true });
  throw new Error(`${name} differs from that of the uninterrupted run: ${run}.different, ${expected}`);
}
