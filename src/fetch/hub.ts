import { existsSync } from 'node:fs';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import {
  getHFHubCachePath,
  getRepoFolderName,
  HubApiError,
  type ListFileEntry,
  listFiles,
  modelInfo,
} from '@huggingface/hub';
import { UserError } from '../errors.js';
import { insideFolder } from '../inside-folder.js';
import { downloadFile } from './download-file.js';
import type { Requests } from './http.js';

export interface HubDownloadOptions {
  signal?: AbortSignal;
  log(line: string): void;
  onProgress?(progress: { stage: string; doneBytes: number; totalBytes: number }): void;
}

/** Files that a checkpoint is read from; weights apart. */
const CHECKPOINT_FILES =
  /^(config|generation_config|tokenizer|tokenizer_config|special_tokens_map)\.json$|^tokenizer\.model$/;
/** sha1 of git or sha256 of large files; they become names of files here. */
const HASH = /^[0-9a-f]{40,64}$/;
const SAFETENSORS = /^[^/]+\.safetensors(\.index\.json)?$/;
const TORCH = /^[^/]+\.bin(\.index\.json)?$/;

/**
 * Downloads a checkpoint from the Hugging Face hub into its cache, in the layout that Python's huggingface_hub has too, so
 * that both find each other's files. HF_ENDPOINT, HF_HOME, HF_HUB_CACHE and HF_TOKEN are respected.
 * @param revision a commit, branch or tag
 * @returns the folder of the snapshot
 * @throws UserError when there is no such repository, it is gated, or something is missing offline
 */
export async function downloadCheckpoint(
  requests: Requests,
  repo: string,
  revision: string,
  options: HubDownloadOptions,
): Promise<string> {
  const cache = join(getHFHubCachePath(), getRepoFolderName({ name: repo, type: 'model' }));
  if (requests.offline) return cachedSnapshot(cache, repo, revision);
  const hub = await hubOptions(requests);
  const asked = { repo: { type: 'model', name: repo } as const, revision };
  try {
    const { sha: commit } = await modelInfo({ name: repo, revision, additionalFields: ['sha'], ...hub });
    const files: ListFileEntry[] = [];
    for await (const file of listFiles({ ...asked, ...hub })) if (file.type === 'file') files.push(file);
    if (commit === undefined || !HASH.test(commit)) throw new UserError(`${hub.hubUrl} gave no commit of ${repo}.`);
    const snapshot = join(cache, 'snapshots', commit);
    for (const file of checkpointFiles(repo, files)) {
      const etag = file.lfs?.oid ?? file.oid;
      if (etag === undefined || !HASH.test(etag))
        throw new UserError(`${hub.hubUrl} gave no hash of ${repo}/${file.path}.`);
      const blob = join(cache, 'blobs', etag);
      if (!existsSync(blob)) {
        options.log(`${file.path} of ${repo} (${(file.size / 1e6).toFixed(1)} MB)`);
        const url = `${hub.hubUrl}/${repo}/resolve/${commit}/${file.path}`;
        const known = file.lfs ? { sha256: file.lfs.oid } : { gitBlobSha1: etag };
        const headers: Record<string, string> = {};
        if (hub.accessToken) headers['authorization'] = `Bearer ${hub.accessToken}`;
        const onProgress = (doneBytes: number): void =>
          options.onProgress?.({ stage: file.path, doneBytes, totalBytes: file.size });
        const source = { urls: [url], format: 'other', bytes: file.size, ...known, headers } as const;
        await downloadFile(requests, source, blob, { signal: options.signal, onProgress });
      }
      await link(blob, snapshot, file.path);
    }
    await mkdir(join(cache, 'refs'), { recursive: true });
    if (revision !== commit) await writeFile(join(cache, 'refs', revision), commit);
    return snapshot;
  } catch (error) {
    throw error instanceof HubApiError ? hubError(error, repo, revision, hub.hubUrl) : error;
  }
}

/** The files of a checkpoint: safetensors where there are both kinds of weights. */
function checkpointFiles(repo: string, files: readonly ListFileEntry[]): ListFileEntry[] {
  const has = (kind: RegExp) => files.some(({ path }) => kind.test(path));
  if (!files.some(({ path }) => path === 'config.json') || !(has(SAFETENSORS) || has(TORCH))) {
    throw new UserError(`${repo} holds no checkpoint: config.json or the weights are missing.`);
  }
  const weights = has(SAFETENSORS) ? SAFETENSORS : TORCH;
  return files.filter(({ path }) => CHECKPOINT_FILES.test(path) || weights.test(path));
}

/** Where the hub is and who asks. The token is where huggingface_hub's login leaves it. */
async function hubOptions(requests: Requests): Promise<{ hubUrl: string; accessToken?: string; fetch: typeof fetch }> {
  const { HF_ENDPOINT, HF_HOME, HF_TOKEN, HF_TOKEN_PATH } = process.env;
  const home = HF_HOME ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'huggingface');
  const stored = await readFile(HF_TOKEN_PATH ?? join(home, 'token'), 'utf8').catch(() => '');
  const accessToken = (HF_TOKEN ?? stored).trim();
  return {
    hubUrl: (HF_ENDPOINT ?? 'https://huggingface.co').replace(/\/+$/, ''),
    fetch: requests.fetch,
    ...(accessToken ? { accessToken } : {}),
  };
}

async function link(blob: string, snapshot: string, name: string): Promise<void> {
  const path = insideFolder(snapshot, name);
  if (path === null) throw new UserError(`The hub lists a file that leads out of its folder: ${JSON.stringify(name)}`);
  await mkdir(dirname(path), { recursive: true });
  if (!existsSync(path)) await symlink(relative(dirname(path), blob), path);
}

async function cachedSnapshot(cache: string, repo: string, revision: string): Promise<string> {
  const commit = await readFile(join(cache, 'refs', revision), 'utf8').catch(() => revision);
  const snapshot = join(cache, 'snapshots', commit.trim());
  if (existsSync(join(snapshot, 'config.json'))) return snapshot;
  throw new UserError(`--offline forbids network access, and ${repo} (${revision}) is not in ${cache}.`);
}

function hubError(error: HubApiError, repo: string, revision: string, hubUrl: string): UserError {
  const page = `${hubUrl}/${repo}`;
  if (error.statusCode === 401 || error.statusCode === 403) {
    return new UserError(
      `${page} is gated, private or not there (${error.statusCode}). Accept its terms on that page, make a token at ` +
        `${hubUrl}/settings/tokens and set HF_TOKEN.`,
      { cause: error },
    );
  }
  if (error.statusCode === 404) return new UserError(`${page} has no revision "${revision}", or is not there.`);
  return new UserError(`${page} answered ${error.statusCode}: ${error.message}`, { cause: error });
}
