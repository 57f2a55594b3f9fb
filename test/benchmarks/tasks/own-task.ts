import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LoadedBenchmark, LoadOptions } from '../../../src/benchmarks/benchmark.js';
import { findBenchmark } from '../../../src/benchmarks/registry.js';
import type { TaskFile } from '../../../src/benchmarks/tasks/task-file.js';

/** The least that a task file has. */
export const LEAST: TaskFile = {
  schemaVersion: 1,
  name: 'own',
  splits: { test: { files: ['q.jsonl'] } },
  fields: { question: 'q', answer: 'a' },
  prompt: '{question}',
  metric: 'exact',
};

/** Writes a task file with these changes, and files beside it. @returns the path of the task file */
export async function writeTask(
  folder: string,
  changes: object,
  files: Readonly<Record<string, string | Uint8Array>> = {},
): Promise<string> {
  await mkdir(folder, { recursive: true });
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  const path = join(folder, 'task.json');
  await writeFile(path, JSON.stringify({ ...LEAST, ...changes }));
  return path;
}

/** Writes a task and loads it. */
export async function loadOwn(
  folder: string,
  changes: object,
  files: Readonly<Record<string, string | Uint8Array>>,
  options: Partial<LoadOptions> = {},
): Promise<LoadedBenchmark> {
  const path = await writeTask(folder, changes, files);
  return findBenchmark(path).load(folder, { protocol: 'llava', ...options });
}

export function asLines(...records: object[]): string {
  return records.map((record) => JSON.stringify(record)).join('\n');
}
