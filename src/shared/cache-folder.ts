import { createHash } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join, resolve } from 'node:path';

/** Folder of exported models and downloads: $LLAVAHR_CACHE (default: a folder in the XDG cache). */
export function cacheFolder(): string {
  const base = process.env['LLAVAHR_CACHE'];
  return base ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'llavahr');
}

/**
 * Default folder for an exported checkpoint: one per checkpoint path and precision.
 * @param name model name (default: the checkpoint folder's name)
 */
export async function defaultModelFolder(checkpoint: string, precision: string, name?: string): Promise<string> {
  const path = await realpath(checkpoint).catch(() => resolve(checkpoint));
  const tag = createHash('sha256').update(path).digest('hex').slice(0, 8);
  return join(cacheFolder(), 'models', `${name ?? basename(path)}-${precision}-${tag}`);
}

/** Folder of downloaded benchmarks, with a subfolder each: $LLAVAHR_DATA (default: a folder in the cache). */
export function defaultDataFolder(): string {
  return process.env['LLAVAHR_DATA'] ?? join(cacheFolder(), 'data');
}
