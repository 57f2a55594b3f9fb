import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hubFolder } from '../shared/cache-folder.js';
import { environmentPath, environmentValue } from '../shared/environment.js';
import { UserError } from '../shared/errors.js';

const HUGGING_FACE = 'https://huggingface.co';

/** Address of the Hugging Face hub, and the user's token. */
export interface HubAddress {
  /** Without a trailing slash. */
  url: string;
  accessToken: string | null;
  /** Where the token is from, for messages: an environment variable or a file. */
  tokenOrigin: string;
}

/**
 * Reads HF_ENDPOINT and HF_TOKEN (default: the token that huggingface_hub's login stored under HF_HOME).
 * @throws UserError when HF_ENDPOINT is no URL
 */
export async function hubAddress(): Promise<HubAddress> {
  const url = (environmentValue('HF_ENDPOINT') ?? HUGGING_FACE).replace(/\/+$/, '');
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) {
    throw new UserError(`HF_ENDPOINT is ${JSON.stringify(url)}; it must be a URL that begins with https://.`);
  }
  const given = environmentValue('HF_TOKEN')?.trim();
  if (given) return { url, accessToken: given, tokenOrigin: 'HF_TOKEN' };
  const file = tokenFile();
  const stored = file === null ? '' : (await readFile(file, 'utf8').catch(() => '')).trim();
  return { url, accessToken: stored || null, tokenOrigin: file ?? 'HF_TOKEN' };
}

/** null for a user without a home folder. */
function tokenFile(): string | null {
  try {
    return environmentPath('HF_TOKEN_PATH') ?? join(hubFolder(), 'token');
  } catch (error) {
    if (error instanceof UserError) return null;
    throw error;
  }
}

/** Replaces huggingface.co in a URL by the hub's address; other URLs are unchanged. */
export function movedToHub({ url }: HubAddress, address: string): string {
  return address.startsWith(`${HUGGING_FACE}/`) ? url + address.slice(HUGGING_FACE.length) : address;
}

/** Request headers for a URL: the token is only sent to the hub. */
export function hubHeaders({ url, accessToken }: HubAddress, address: string): Record<string, string> {
  const isHub = address.startsWith(`${url}/`);
  return isHub && accessToken !== null ? { authorization: `Bearer ${accessToken}` } : {};
}
