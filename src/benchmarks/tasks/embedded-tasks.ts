import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../../shared/package-root.js';
import type { BenchmarkDefinition } from '../benchmark.js';
import { taskBenchmark } from './task-benchmark.js';
import type { TaskFile } from './task-file.js';

/** Benchmarks that are task files shipped with llavahr, in the order of lists. Tests check the files. */
const NAMES: readonly string[] = [
  'chartqa',
  'docvqa',
  'infovqa',
  'ocrbench',
  'realworldqa',
  'ai2d',
  'hrbench-4k',
  'hrbench-8k',
  'vstar',
  'mmbench',
  'mmbench-cn',
  'mmmu',
];

/** Folder of the shipped task files. */
export const TASKS_FOLDER = join(PACKAGE_ROOT, 'tasks');

export const EMBEDDED_TASKS: readonly BenchmarkDefinition[] = NAMES.map((name) => {
  const path = join(TASKS_FOLDER, `${name}.json`);
  return taskBenchmark(JSON.parse(readFileSync(path, 'utf8')) as TaskFile, path);
});
