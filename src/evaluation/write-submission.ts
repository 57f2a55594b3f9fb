import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Answers, LoadedBenchmark } from '../benchmarks/benchmark.js';
import { messageOf, UserError } from '../shared/errors.js';

/**
 * Writes the files that an evaluation server or official script takes.
 * @returns their paths
 * @throws UserError when the folder cannot be written to
 */
export async function writeSubmission(folder: string, benchmark: LoadedBenchmark, answers: Answers): Promise<string[]> {
  const paths: string[] = [];
  for (const { name, content } of benchmark.submission(answers)) {
    const path = join(folder, name);
    try {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, content);
    } catch (error) {
      throw new UserError(`${path} cannot be written: ${messageOf(error)}`, { cause: error });
    }
    paths.push(path);
  }
  return paths;
}
