import { dirname, join } from 'node:path';
import type { Answers, LoadedBenchmark } from '../benchmarks/benchmark.js';
import { messageOf, UserError } from '../shared/errors.js';
import { type Ownership, replaceFile } from '../shared/json-file.js';
import { makeFolder } from '../shared/make-folder.js';

/**
 * Writes the files that an evaluation server or official script takes.
 * @param owner of the folder, where it is locked
 * @returns their paths
 * @throws UserError when the folder cannot be written to
 */
export async function writeSubmission(
  folder: string,
  benchmark: LoadedBenchmark,
  answers: Answers,
  owner?: Ownership,
): Promise<string[]> {
  const paths: string[] = [];
  for (const { name, content } of benchmark.submission(answers)) {
    const path = join(folder, name);
    try {
      await makeFolder(dirname(path));
      await replaceFile(path, (file) => file.writeFile(content), owner);
    } catch (error) {
      if (error instanceof UserError) throw error;
      throw new UserError(`${path} cannot be written: ${messageOf(error)}`, { cause: error });
    }
    paths.push(path);
  }
  return paths;
}
