import { dirname, join } from 'node:path';
import type { Answers, LoadedBenchmark } from '../benchmarks/benchmark.js';
import { type Ownership, replaceFile } from '../shared/json-file.js';
import { makeFolder } from '../shared/make-folder.js';
import { writeOutput } from '../shared/write-output.js';

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
    await makeFolder(dirname(path));
    if (owner) await replaceFile(path, (file) => file.writeFile(content), owner);
    else await writeOutput(path, content);
    paths.push(path);
  }
  return paths;
}
