import { createHash } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join, resolve } from 'node:path';

/** Where exported models and downloads are kept: LLAVAHR_CACHE, else the XDG cache folder. */
export function cacheFolder(): string {
  const base = process.env['LLAVAHR_CACHE'];
  return base ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'llavahr');
}

/**
 * The folder a checkpoint is exported to when none is given; one per checkpoint path and precision.
 * @param name what the model is called; the checkpoint folder's name by default
 */
export async function defaultModelFolder(checkpoint: string, precision: string, name?: string): Promise<string> {
  const path = await realpath(checkpoint).catch(() => resolve(checkpoint));
  const tag = createHash('sha256').update(path).digest('hex').slice(0, 8);
  return join(cacheFolder(), 'models', `${name ?? basename(path)}-${precision}-${tag}`);
}

/** Where downloaded benchmarks are kept, each in a folder of its name: LLAVAHR_DATA, else a folder of the cache. */
export function defaultDataFolder(): string {
  return process.env['LLAVAHR_DATA'] ?? join(cacheFolder(), 'data');
}
