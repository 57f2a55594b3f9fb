import type { LoadedBenchmark } from '../benchmarks/benchmark.js';
import { sha256OfFile } from '../shared/file-hash.js';
import { shortPaths } from '../shared/short-paths.js';

/** sha256 of a benchmark's annotation files by file name, for a run's identity. @throws when one cannot be read */
export async function hashDataFiles({ files }: Pick<LoadedBenchmark, 'files'>): Promise<Record<string, string>> {
  const names = shortPaths(files);
  const hashes: Record<string, string> = {};
  for (const [i, path] of files.entries()) hashes[names[i]!] = await sha256OfFile(path);
  return hashes;
}
