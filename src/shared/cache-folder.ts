import { createHash } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { environmentPath, userCacheFolder } from './environment.js';

/** Folder of exported models and downloads: $LLAVAHR_CACHE (default: a folder in the XDG cache). */
export function cacheFolder(): string {
  return environmentPath('LLAVAHR_CACHE') ?? join(userCacheFolder('LLAVAHR_CACHE'), 'llavahr');
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
  return environmentPath('LLAVAHR_DATA') ?? join(cacheFolder(), 'data');
}

/** The Hugging Face cache, where Python's huggingface_hub keeps it. Source: huggingface_hub constants.py */
export function hubFolder(): string {
  return environmentPath('HF_HOME') ?? join(userCacheFolder('HF_HOME'), 'huggingface');
}

/** Its repositories. */
export function hubCacheFolder(): string {
  return environmentPath('HF_HUB_CACHE') ?? environmentPath('HUGGINGFACE_HUB_CACHE') ?? join(hubFolder(), 'hub');
}

/** The environment variable that moves a folder of ours elsewhere; null for other folders. */
export function variableOf(path: string): string | null {
  const places: [variable: string, folder: () => string][] = [
    ['LLAVAHR_DATA', defaultDataFolder],
    ['LLAVAHR_CACHE', cacheFolder],
    ['HF_HUB_CACHE', hubCacheFolder],
    ['HF_HOME', hubFolder],
  ];
  const target = `${resolve(path)}/`;
  return places.find(([, folder]) => target.startsWith(`${resolve(folder())}/`))?.[0] ?? null;
}
