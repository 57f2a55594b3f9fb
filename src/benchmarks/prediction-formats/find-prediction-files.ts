import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, UserError } from '../../shared/errors.js';

/** LLaVA's scripts split a run over GPUs: `<chunks>_<chunk>.jsonl`, put together in merge.jsonl afterwards. */
const CHUNK = /^(\d+)_(\d+)\.jsonl$/;
const WHOLE = ['predictions.jsonl', 'merge.jsonl'];

/**
 * The files of one set of predictions.
 * @param path a file, or a folder: a result folder of llavahr, LLaVA's answers in chunks or merged, MME's result files,
 *   or one that holds a single predictions file
 * @throws UserError when it does not exist, or the folder may mean several sets
 */
export async function findPredictionFiles(path: string): Promise<string[]> {
  const names = await namesIn(path);
  if (names === null) return [path];
  const whole = WHOLE.find((name) => names.includes(name));
  if (whole) return [join(path, whole)];

  const chunks = names.filter((name) => CHUNK.test(name)).sort((a, b) => chunkOf(a) - chunkOf(b));
  if (chunks.length > 0) {
    const runs = new Set(chunks.map((name) => CHUNK.exec(name)![1]));
    if (runs.size === 1) return chunks.map((name) => join(path, name));
    throw new UserError(`${path} holds chunks of several runs: ${listed(chunks)}. Move all but one run's away.`);
  }
  const tables = names.filter((name) => name.endsWith('.txt'));
  if (tables.length > 0) return tables.map((name) => join(path, name));
  const files = names.filter((name) => /\.jsonl?$/.test(name));
  if (files.length === 1) return [join(path, files[0]!)];
  const found = files.length === 0 ? 'no .jsonl, .json or .txt files' : `several files: ${listed(files)}`;
  throw new UserError(`${path} holds ${found}. Give the predictions file itself.`);
}

/** Names in a folder in a fixed order; null for a file. */
async function namesIn(path: string): Promise<string[] | null> {
  try {
    return (await stat(path)).isDirectory() ? (await readdir(path)).sort() : null;
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new UserError(`${path} ${isMissing ? 'does not exist.' : `cannot be read: ${messageOf(error)}`}`, {
      cause: error,
    });
  }
}

function chunkOf(name: string): number {
  return Number(CHUNK.exec(name)![2]);
}

function listed(names: readonly string[]): string {
  return `${names.slice(0, 5).join(', ')}${names.length > 5 ? ' ...' : ''}`;
}
