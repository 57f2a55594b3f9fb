import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ShellCompDirective } from '@bomb.sh/tab';
import type { Argument, Command, Option } from 'commander';
import { BENCHMARKS } from '../benchmarks/registry.js';
import { readCatalogue } from '../datasets/catalogue.js';
import { SAMPLE_MODEL_NAMES } from '../evaluation/sample.js';
import { runFile } from '../results/runs/run-record.js';
import { EXIT } from '../shared/errors.js';

/** Something that can stand at the end of a command line. */
interface Candidate {
  value: string;
  description?: string;
}

interface Completion {
  candidates: Candidate[];
  /** Whether the shell should offer file names when no candidate fits. */
  files: boolean;
}

const NOTHING: Completion = { candidates: [], files: false };
const FILES: Completion = { candidates: [], files: true };
const RESULTS = 'results'; // default of --output

/**
 * `llavahr complete -- <words>`: what the scripts of `llavahr completion` ask for. Prints a candidate per line and what the
 * shell should do with them.
 * @param words of the command line behind `llavahr`; the last one is completed and may be empty
 */
export async function completeCommand(program: Command, words: readonly string[]): Promise<number> {
  const { candidates, files } = await completion(program, words);
  for (const { value, description = '' } of candidates) {
    console.log(`${value}\t${description.replace(/\s+/g, ' ')}`);
  }
  const { ShellCompDirectiveDefault, ShellCompDirectiveNoFileComp } = ShellCompDirective;
  console.log(`:${files ? ShellCompDirectiveDefault : ShellCompDirectiveNoFileComp}`);
  return EXIT.done;
}

async function completion(program: Command, words: readonly string[]): Promise<Completion> {
  const word = words.at(-1) ?? '';
  const typed = readWords(program, words.slice(0, -1));
  if (typed.open) return startingWith(word, await valuesOf(typed.open, typed, word));
  const assigned = /^(--[^=]+)=(.*)$/s.exec(word);
  if (assigned) {
    const option = optionsOf(typed.command).find(({ long }) => long === assigned[1]);
    return option ? startingWith(assigned[2]!, await valuesOf(option, typed, assigned[2]!)) : NOTHING;
  }
  if (word.startsWith('-')) return startingWith(word, { candidates: flagsOf(typed.command), files: false });
  if (typed.command.commands.length > 0) {
    return startingWith(word, { candidates: subcommandsOf(typed.command), files: false });
  }
  const last = typed.command.registeredArguments.at(-1);
  const argument = typed.command.registeredArguments[typed.values.length] ?? (last?.variadic ? last : undefined);
  return argument ? startingWith(word, await valuesOf(argument, typed, word)) : NOTHING;
}

/** What the words before the last one mean. */
interface TypedWords {
  command: Command;
  /** Values of the command's arguments so far. */
  values: string[];
  /** Option whose value comes next. */
  open: Option | null;
}

function readWords(program: Command, words: readonly string[]): TypedWords {
  const typed: TypedWords = { command: program, values: [], open: null };
  for (const word of words) {
    if (typed.open) {
      typed.open = null;
    } else if (word.startsWith('-')) {
      const option = optionsOf(typed.command).find(({ long, short }) => word === long || word === short);
      if (option?.required || option?.optional) typed.open = option;
    } else {
      const subcommand = typed.command.commands.find((command) => command.name() === word);
      if (subcommand) typed.command = subcommand;
      else typed.values.push(word);
    }
  }
  return typed;
}

/** Of the command and of those above it. */
function optionsOf(command: Command): Option[] {
  return [...command.createHelp().visibleOptions(command), ...(command.parent?.options ?? [])];
}

function flagsOf(command: Command): Candidate[] {
  return optionsOf(command).map(({ long, short, description }) => ({ value: (long ?? short)!, description }));
}

function subcommandsOf(command: Command): Candidate[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .map((subcommand) => ({ value: subcommand.name(), description: subcommand.description().split('. ', 1)[0] }));
}

/** What an option or argument takes, by its choices or by its name in the help. */
async function valuesOf(taker: Option | Argument, typed: TypedWords, word: string): Promise<Completion> {
  if (taker.argChoices) return { candidates: taker.argChoices.map((value) => ({ value })), files: false };
  const isArgument = 'variadic' in taker && !('flags' in taker);
  const name = isArgument ? taker.name() : (/[<[](.+?)(?:\.\.\.)?[>\]]/.exec((taker as Option).flags)?.[1] ?? '');
  switch (isArgument ? name : `${(taker as Option).long} ${name}`) {
    case 'benchmarks':
    case 'benchmark':
    case '--benchmark benchmark':
      return { candidates: inList(word, benchmarkNames(typed.command, name)), files: /[./]/.test(word) };
    case '--split split':
      return { candidates: splitNames(typed.values[0]), files: false };
    case 'models':
    case '--models list':
    case '--also list':
      return { candidates: inList(word, await modelNames()), files: true };
    case 'model':
    case '--random-weights name':
      return { candidates: await modelNames(), files: true };
    case 'run or model':
    case '--baseline run or model':
      return { candidates: [...(await runFolders(word)), ...(await modelNames())], files: true };
    case 'runs':
    case 'shards':
      return { candidates: await runFolders(word), files: true };
    case '--devices list':
      return { candidates: inList(word, named('cpu:2', 'cuda:0', 'cuda:1')), files: false };
  }
  if (name === 'device') return { candidates: named('auto', 'cpu', 'cuda', 'webgpu'), files: false };
  if (name === 'model') return { candidates: await modelNames(), files: true };
  return ['folder', 'file', 'path', 'checkpoint'].includes(name) ? FILES : NOTHING;
}

function named(...values: string[]): Candidate[] {
  return values.map((value) => ({ value }));
}

function benchmarkNames(command: Command, argument: string): Candidate[] {
  const benchmarks = BENCHMARKS.map(({ name, title }) => ({ value: name, description: title }));
  if (argument !== 'benchmarks') return benchmarks;
  const all = [
    ...benchmarks,
    { value: 'all', description: 'the benchmarks of the paper' },
    { value: 'extra', description: 'the later benchmarks' },
  ];
  return command.name() === 'eval' ? [...all, { value: 'custom', description: 'your own questions' }] : all;
}

/** Of the first benchmark that was named. */
function splitNames(benchmarks = ''): Candidate[] {
  const [first] = benchmarks.split(',');
  const splits = BENCHMARKS.find(({ name }) => name === first)?.splits ?? [];
  return splits.map(({ name, questions }) => ({ value: name, description: `${questions} questions` }));
}

async function modelNames(): Promise<Candidate[]> {
  const { models } = await readCatalogue();
  const embedded = SAMPLE_MODEL_NAMES.map((value) => ({ value, description: 'embedded' }));
  return [...embedded, ...models.map(({ name }) => ({ value: name }))];
}

/** Run folders in the folder that is being typed, or else in results/. */
async function runFolders(word: string): Promise<Candidate[]> {
  const folder = word.includes('/') ? dirname(`${word}x`) : RESULTS;
  const names = await readdir(folder).catch(() => []);
  return names
    .filter((name) => existsSync(join(folder, name, runFile.name)))
    .map((name) => ({ value: join(folder, name) }));
}

const GROUPS: readonly string[] = ['all', 'extra'];

/** Candidates for the last item of a comma-separated list; items that are there already are left out. */
function inList(word: string, candidates: readonly Candidate[]): Candidate[] {
  const before = word.split(',').slice(0, -1);
  const isFree = ({ value }: Candidate) => !before.includes(value) && !(before.length > 0 && GROUPS.includes(value));
  return candidates
    .filter(isFree)
    .map((candidate) => ({ ...candidate, value: [...before, candidate.value].join(',') }));
}

function startingWith(word: string, { candidates, files }: Completion): Completion {
  return { candidates: candidates.filter(({ value }) => value.startsWith(word)), files };
}
