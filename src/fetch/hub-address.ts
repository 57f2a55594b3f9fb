import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

const HUGGING_FACE = 'https://huggingface.co';

/** Address of the Hugging Face hub, and the user's token. */
export interface HubAddress {
  /** Without a trailing slash. */
  url: string;
  accessToken: string | null;
}

/** Reads HF_ENDPOINT and HF_TOKEN (default: the token that huggingface_hub's login stored under HF_HOME). */
export async function hubAddress(): Promise<HubAddress> {
  const { HF_ENDPOINT, HF_HOME, HF_TOKEN, HF_TOKEN_PATH } = process.env;
  const home = HF_HOME ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'huggingface');
  const stored = await readFile(HF_TOKEN_PATH ?? join(home, 'token'), 'utf8').catch(() => '');
  return {
    url: (HF_ENDPOINT ?? HUGGING_FACE).replace(/\/+$/, ''),
    accessToken: (HF_TOKEN ?? stored).trim() || null,
  };
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
