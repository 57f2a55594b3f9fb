import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

const HUGGING_FACE = 'https://huggingface.co';

/** Where the Hugging Face hub is and who asks. */
export interface HubAddress {
  /** Without a slash at the end. */
  url: string;
  accessToken: string | null;
}

/** HF_ENDPOINT and HF_TOKEN; without the latter, the token that huggingface_hub's login leaves below HF_HOME. */
export async function hubAddress(): Promise<HubAddress> {
  const { HF_ENDPOINT, HF_HOME, HF_TOKEN, HF_TOKEN_PATH } = process.env;
  const home = HF_HOME ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'huggingface');
  const stored = await readFile(HF_TOKEN_PATH ?? join(home, 'token'), 'utf8').catch(() => '');
  return {
    url: (HF_ENDPOINT ?? HUGGING_FACE).replace(/\/+$/, ''),
    accessToken: (HF_TOKEN ?? stored).trim() || null,
  };
}

/** An address on huggingface.co, moved to where the hub is. Others are left as they are. */
export function movedToHub({ url }: HubAddress, address: string): string {
  return address.startsWith(`${HUGGING_FACE}/`) ? url + address.slice(HUGGING_FACE.length) : address;
}

/** Request headers for an address: the token goes to the hub and nowhere else. */
export function hubHeaders({ url, accessToken }: HubAddress, address: string): Record<string, string> {
  const isHub = address.startsWith(`${url}/`);
  return isHub && accessToken !== null ? { authorization: `Bearer ${accessToken}` } : {};
}
