import { basename } from 'node:path';
import type { LoadedBenchmark } from '../benchmarks/benchmark.js';
import { sha256OfFile } from '../shared/file-hash.js';

/** sha256 of a benchmark's annotation files by file name, for a run's identity. @throws when one cannot be read */
export async function hashDataFiles({ files }: LoadedBenchmark): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  for (const path of files) hashes[basename(path)] = await sha256OfFile(path);
  return hashes;
}
