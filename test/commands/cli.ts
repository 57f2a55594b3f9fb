import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { projectRoot } from '../fixtures.js';

/** Exit status and output of a finished command. */
export interface CommandResult {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** A running command. */
export interface RunningCommand {
  process: ChildProcess;
  result: Promise<CommandResult>;
}

/** A temporary folder for the results and exported models of one test file. */
export async function testFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'llavahr-cli-'));
}

/** Starts `llavahr` as a user does, with the model cache in `folder`. */
export function start(folder: string, args: readonly string[], env: Record<string, string> = {}): RunningCommand {
  const child = spawn(process.execPath, [join(projectRoot, 'bin', 'llavahr'), ...args], {
    env: { ...process.env, COLUMNS: '', LLAVAHR_CACHE: join(folder, 'cache'), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data) => {
    stdout += data;
  });
  child.stderr.on('data', (data) => {
    stderr += data;
  });
  const result = once(child, 'close').then(([code, signal]) => ({ code, signal, stdout, stderr }) as CommandResult);
  return { process: child, result };
}

export function llavahr(folder: string, ...args: string[]): Promise<CommandResult> {
  return start(folder, args).result;
}

/** The only run folder in an output folder. */
export async function resultFolder(output: string): Promise<string> {
  const names = await readdir(output);
  if (names.length !== 1) throw new Error(`expected one run folder, found: ${names.join(', ')}`);
  return join(output, names[0]!);
}

export interface PredictionLine {
  index: number;
  text: string | null;
  error?: { code: string; message: string };
}

export function readLines(folder: string): PredictionLine[] {
  const path = join(folder, 'predictions.jsonl');
  const lines = readFileSync(path, 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line) as PredictionLine);
}

/** Waits until a run has at least `count` lines on the disk. */
export async function waitForLines(output: string, count: number): Promise<void> {
  for (let waited = 0; waited < 60_000; waited += 20) {
    const folder = existsSync(output) ? (await readdir(output))[0] : undefined;
    const path = folder && join(output, folder, 'predictions.jsonl');
    if (path && existsSync(path) && readFileSync(path, 'utf8').split('\n').length > count) return;
    await sleep(20);
  }
  throw new Error(`${output} has no ${count} predictions after a minute`);
}
