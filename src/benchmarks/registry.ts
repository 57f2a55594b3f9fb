import { dirname, resolve } from 'node:path';
import { usageError } from '../shared/errors.js';
import { didYouMean, nameAmong } from '../shared/known-names.js';
import type { BenchmarkDefinition } from './benchmark.js';
import { custom } from './custom.js';
import { gqa } from './gqa.js';
import { mme } from './mme.js';
import { mmVet } from './mmvet.js';
import { ocrVqa } from './ocrvqa.js';
import { okVqa } from './okvqa.js';
import { pope } from './pope.js';
import { scienceQa } from './scienceqa.js';
import { seedBench } from './seed-bench.js';
import { EMBEDDED_TASKS } from './tasks/embedded-tasks.js';
import { readTaskFile } from './tasks/read-task-file.js';
import { taskBenchmark } from './tasks/task-benchmark.js';
import { taskDownloads } from './tasks/task-downloads.js';
import { textVqa } from './textvqa.js';
import { vizWiz } from './vizwiz.js';
import { vqaV2 } from './vqav2.js';

/** The paper's benchmarks, in the order of its tables. */
export const PAPER_BENCHMARKS: readonly BenchmarkDefinition[] = [
  vqaV2,
  gqa,
  okVqa,
  ocrVqa,
  scienceQa,
  vizWiz,
  textVqa,
  pope,
  mme,
  seedBench,
  mmVet,
];

/** Benchmarks that came after the paper. */
export const EXTRA_BENCHMARKS: readonly BenchmarkDefinition[] = EMBEDDED_TASKS;

/** All benchmarks with official files. */
export const BENCHMARKS: readonly BenchmarkDefinition[] = [...PAPER_BENCHMARKS, ...EXTRA_BENCHMARKS];

/** Everything a model can be evaluated on by name: the benchmarks and your own questions. */
export const EVALUABLE: readonly BenchmarkDefinition[] = [...BENCHMARKS, custom];

/** Names of several benchmarks. */
const GROUPS: Readonly<Record<string, readonly BenchmarkDefinition[]>> = {
  all: PAPER_BENCHMARKS,
  extra: EXTRA_BENCHMARKS,
};

/**
 * The benchmarks of a comma-separated list of names, task files, `all` (the paper's) and `extra` (those after it).
 * @param among the benchmarks the list may contain
 * @throws UserError (usage) for an unknown name, and for a task file that is invalid
 */
export function selectBenchmarks(names: string, among = BENCHMARKS): BenchmarkDefinition[] {
  const chosen = names.split(',').flatMap((name) => {
    const group = name.trim().toLowerCase();
    return Object.hasOwn(GROUPS, group) ? GROUPS[group]! : [findBenchmark(name.trim(), among, Object.keys(GROUPS))];
  });
  const byName = new Map<string, BenchmarkDefinition>();
  for (const benchmark of chosen) {
    const other = byName.get(benchmark.name);
    if (other && other.taskFile?.path !== benchmark.taskFile?.path) {
      throw usageError(`Two of the benchmarks are called ${benchmark.name}. Change "name" in the task file.`);
    }
    byName.set(benchmark.name, benchmark);
  }
  return [...byName.values()];
}

/**
 * The benchmark of a name or title, whatever its case and separators (textvqa, TextVQA, mm-vet), or of a task file's path.
 * @param among the benchmarks to search
 * @param groups names of several that could have been given instead
 * @throws UserError (usage) for an unknown name, and for a task file that is invalid
 */
export function findBenchmark(name: string, among = BENCHMARKS, groups: readonly string[] = []): BenchmarkDefinition {
  if (isTaskPath(name)) return readTaskBenchmark(name);
  const names = among.map((benchmark) => benchmark.name);
  const titles = among.map(({ title }) => title);
  const known = nameAmong(name, names) ?? names[titles.indexOf(nameAmong(name, titles) ?? '')];
  const found = among.find((benchmark) => benchmark.name === known);
  if (found) return found;
  throw usageError(
    `Unknown benchmark "${name}".${didYouMean(name, [...names, ...groups])} Available: ` +
      `${[...names, ...groups].join(', ')}; or the path of a task file, ending in .json.`,
  );
}

/** Whether a benchmark is named by the path of its task file. */
export function isTaskPath(name: string): boolean {
  return name.toLowerCase().endsWith('.json');
}

/** The benchmark that a task file describes; its data are beside the file. @throws UserError when the file is invalid */
export function readTaskBenchmark(path: string): BenchmarkDefinition {
  const task = readTaskFile(path);
  if (EVALUABLE.some(({ name }) => name === task.name)) {
    throw usageError(`${path}: name is "${task.name}", which is one of llavahr's own benchmarks. Choose another.`);
  }
  const absolute = resolve(path);
  const taskFile = { path: absolute, folder: dirname(absolute) };
  return { ...taskBenchmark(task, path), taskFile, downloads: taskDownloads(task) };
}
