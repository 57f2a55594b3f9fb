import { existsSync } from 'node:fs';
import { readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { getRepoFolderName } from '@huggingface/hub';
import { hubCacheFolder } from '../shared/cache-folder.js';
import { UserError } from '../shared/errors.js';
import { sha256OfFile } from '../shared/file-hash.js';
import { lockFolder } from '../shared/folder-lock.js';
import { insideFolder } from '../shared/inside-folder.js';
import { makeFolder } from '../shared/make-folder.js';
import { forEachParallel } from '../shared/parallel.js';
import { downloadFile, gitBlobSha1, removeFinishedParts } from './download-file.js';
import type { Requests } from './http.js';
import { type HubFile, hashOption, type RepositoryState } from './hub-repository.js';

/** A checkpoint file according to the hub. */
export interface CheckpointFile {
  bytes: number;
  /** sha256 for large files, git's blob hash for others. */
  hash: string;
}

export interface CheckpointOptions {
  signal?: AbortSignal;
  /** Hash the files that are there already; their sizes are compared anyway. */
  verify?: boolean;
  /** Told before the lock of another download is waited for. */
  onWait?(message: string): void;
  /** Called when a file begins; what it returns is called with the bytes that are there. */
  onFile?(name: string, bytes: number): { update(doneBytes: number): void; end(): void };
}

/** Checkpoint files except the weights. */
const CHECKPOINT_FILES =
  /^(config|generation_config|tokenizer|tokenizer_config|special_tokens_map|added_tokens)\.json$|^tokenizer\.model$/;
const SAFETENSORS = /^[^/]+\.safetensors(\.index\.json)?$/;
const TORCH = /^[^/]+\.bin(\.index\.json)?$/;
const FILES_AT_ONCE = 3;

/**
 * The files of a repository that make up its checkpoint; safetensors if it has both kinds of weights.
 * @throws UserError when it does not contain a checkpoint
 */
export function checkpointFiles(repo: string, { files }: RepositoryState): HubFile[] {
  const has = (kind: RegExp) => files.some(({ path }) => kind.test(path));
  if (!files.some(({ path }) => path === 'config.json') || !(has(SAFETENSORS) || has(TORCH))) {
    throw new UserError(`${repo} is not a checkpoint: config.json or the weights are missing.`);
  }
  const weights = has(SAFETENSORS) ? SAFETENSORS : TORCH;
  return files.filter(({ path }) => CHECKPOINT_FILES.test(path) || weights.test(path));
}

/**
 * Downloads a checkpoint into the Hugging Face cache (HF_HOME, HF_HUB_CACHE), in the layout of Python's
 * huggingface_hub, so that each finds the other's files.
 * @param revision the branch or tag to record the commit under
 * @returns the folder of the snapshot
 */
export async function downloadCheckpoint(
  requests: Requests,
  repo: string,
  revision: string,
  commit: string,
  files: readonly HubFile[],
  { signal, onFile, verify = false, onWait }: CheckpointOptions,
): Promise<string> {
  const cache = cacheOf(repo);
  const snapshot = snapshotFolder(repo, commit);
  const fetchOne = async ({ path, url, headers, bytes, hash }: HubFile, stop: AbortSignal): Promise<void> => {
    const blob = join(cache, 'blobs', hash);
    if (!(await isBlobWhole(blob, bytes, hash, verify))) {
      await rm(blob, { force: true });
      const source = { urls: [url], format: 'other', bytes, ...hashOption(hash), headersFor: () => headers } as const;
      const progress = onFile?.(path, bytes);
      await downloadFile(requests, source, blob, { signal: stop, onProgress: progress?.update }).finally(progress?.end);
    }
    await link(blob, snapshot, path);
  };
  await makeFolder(cache);
  const lock = await lockFolder(cache, { onWait, waits: true, signal });
  try {
    await removeFinishedParts(join(cache, 'blobs'));
    await forEachParallel(files, FILES_AT_ONCE, fetchOne, signal);
  } finally {
    await lock.release();
  }
  await makeFolder(join(cache, 'refs'));
  if (revision !== commit) await writeFile(join(cache, 'refs', revision), commit);
  return snapshot;
}

async function isBlobWhole(path: string, bytes: number, hash: string, verify: boolean): Promise<boolean> {
  const status = await stat(path).catch(() => null);
  if (!status?.isFile() || status.size !== bytes) return false;
  return !verify || (await blobHash(path, hash)) === hash;
}

/** @param like a hash of the kind that is wanted: sha256, or git's sha1 */
function blobHash(path: string, like: string): Promise<string> {
  return like.length === 64 ? sha256OfFile(path) : gitBlobSha1(path);
}

/** Where the files of a commit are. */
export function snapshotFolder(repo: string, commit: string): string {
  return join(cacheOf(repo), 'snapshots', commit);
}

/** The snapshot of a revision in the cache, from this program or another one; null if missing. */
export async function cachedSnapshot(repo: string, revision: string): Promise<string | null> {
  const commit = await readFile(join(cacheOf(repo), 'refs', revision), 'utf8').catch(() => revision);
  const snapshot = snapshotFolder(repo, commit.trim());
  return existsSync(join(snapshot, 'config.json')) ? snapshot : null;
}

/**
 * Lists problems with the files of a snapshot: missing, wrong size or (with `verify`) wrong content.
 * @param files by name
 */
export async function snapshotProblems(
  snapshot: string,
  files: Readonly<Record<string, CheckpointFile>>,
  verify: boolean,
): Promise<string[]> {
  const problems: string[] = [];
  for (const [name, { bytes, hash }] of Object.entries(files)) {
    const path = insideFolder(snapshot, name);
    const status = path === null ? null : await stat(path).catch(() => null); // follows the link into blobs/
    if (path === null) problems.push(`${JSON.stringify(name)} is outside the folder`);
    else if (status === null || !status.isFile()) problems.push(`${name} is missing`);
    else if (status.size !== bytes) problems.push(`${name} has ${status.size} bytes, not ${bytes}`);
    else if (verify) {
      const found = await blobHash(path, hash);
      if (found !== hash) problems.push(`${name} has the hash ${found}, not ${hash}`);
    }
  }
  return problems;
}

function cacheOf(repo: string): string {
  return join(hubCacheFolder(), getRepoFolderName({ name: repo, type: 'model' }));
}

async function link(blob: string, snapshot: string, name: string): Promise<void> {
  const path = insideFolder(snapshot, name);
  if (path === null)
    throw new UserError(`The hub lists a file outside the checkpoint's folder: ${JSON.stringify(name)}`);
  await makeFolder(dirname(path));
  if (existsSync(path)) return;
  await rm(path, { force: true }); // a dangling link
  await symlink(relative(dirname(path), blob), path);
}
