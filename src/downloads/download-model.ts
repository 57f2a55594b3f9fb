import type { ModelEntry } from '../datasets/catalogue-schema.js';
import type { Requests } from '../fetch/http.js';
import {
  type CheckpointFile,
  cachedSnapshot,
  checkpointFiles,
  downloadCheckpoint,
  snapshotFolder,
  snapshotProblems,
} from '../fetch/hub-checkpoint.js';
import { type HubFile, readRepository } from '../fetch/hub-repository.js';
import { byteSize } from '../shared/byte-size.js';
import { UserError } from '../shared/errors.js';
import type { TransferProgress } from '../terminal/transfer-progress.js';
import { type CheckpointRecord, recordCheckpoint, recordedCheckpoints } from './checkpoint-record.js';
import type { Upstream } from './upstream-changes.js';

/** Folders of a checkpoint and of its CLIP tower, if that is separate. */
export interface DownloadedModel {
  folder: string;
  clipTower?: string;
}

export interface ModelDownloadOptions {
  signal?: AbortSignal;
  progress: TransferProgress;
  upstream: Upstream;
  /** Hash local files, and download changed ones again. */
  verify?: boolean;
}

/** Branch with the newest commit. */
const NEWEST = 'main';

/** Downloads a checkpoint of the catalogue with everything its export needs. @throws UserError like `checkpoint` */
export async function downloadModel(
  { repo, revision, clipTower }: ModelEntry,
  requests: Requests,
  options: ModelDownloadOptions,
): Promise<DownloadedModel> {
  const folder = await checkpoint(repo, revision, requests, options, requireTokenizer);
  if (!clipTower) return { folder };
  return { folder, clipTower: await checkpoint(clipTower.repo, clipTower.revision, requests, options, () => {}) };
}

/** Files of a checkpoint, or of a CLIP tower, at a commit. */
export interface RepositoryFiles {
  repo: string;
  commit: string;
  files: HubFile[];
}

/**
 * What `downloadModel` downloads where nothing is there yet.
 * @throws UserError when a repository cannot be read or has no checkpoint
 */
export async function modelFiles(
  { repo, revision, clipTower }: ModelEntry,
  requests: Requests,
  upstream: Upstream,
): Promise<RepositoryFiles[]> {
  const found: RepositoryFiles[] = [];
  for (const one of [{ repo, revision }, ...(clipTower ? [clipTower] : [])]) {
    const asked = askedRevision(one.revision, await keptCheckpoint(one.repo, one.revision), upstream);
    const state = await readRepository(requests, { type: 'model', name: one.repo }, asked);
    found.push({ repo: one.repo, commit: state.commit, files: checkpointFiles(one.repo, state) });
  }
  return found;
}

/** The record of a checkpoint that was downloaded, if it is of the revision. */
async function keptCheckpoint(repo: string, revision: string | null): Promise<CheckpointRecord | null> {
  const recorded = (await recordedCheckpoints())[repo];
  return recorded && (revision === null || revision === recorded.commit) ? recorded : null;
}

/** The revision to ask the hub for: the commit of the first download is kept. */
function askedRevision(revision: string | null, kept: CheckpointRecord | null, upstream: Upstream): string {
  return upstream === 'take' || !kept ? (revision ?? NEWEST) : kept.commit;
}

/** @throws UserError before anything is fetched */
function requireTokenizer(repo: string, files: readonly HubFile[]): void {
  if (files.some(({ path }) => path === 'tokenizer.model' || path === 'tokenizer.json')) return;
  throw new UserError(`${repo} has neither tokenizer.model nor tokenizer.json: the model cannot be run.`);
}

/**
 * The folder of a checkpoint; downloads it if incomplete. The commit of the first download is kept.
 * @param revision null for the newest commit at the time of the first download
 * @param check told which files will be downloaded; it may throw
 * @throws UserError when the repository does not exist or is gated, or files are missing offline
 */
async function checkpoint(
  repo: string,
  revision: string | null,
  requests: Requests,
  { signal, progress, upstream, verify = false }: ModelDownloadOptions,
  check: (repo: string, files: readonly HubFile[]) => void,
): Promise<string> {
  const kept = await keptCheckpoint(repo, revision);
  const isComplete =
    kept !== null && (await snapshotProblems(snapshotFolder(repo, kept.commit), kept.files, verify)).length === 0;
  if (isComplete && (upstream === 'ignore' || requests.offline)) return snapshotFolder(repo, kept.commit);
  if (requests.offline) {
    const cached = await cachedSnapshot(repo, revision ?? NEWEST);
    if (cached !== null) return cached;
    throw new UserError(`--offline forbids network access, and ${repo} (${revision ?? NEWEST}) is not in the cache.`);
  }
  const asked = askedRevision(revision, kept, upstream);
  if (kept && revision === null && upstream === 'tell') await tellNews(repo, kept, requests, progress);
  if (isComplete && upstream === 'tell') return snapshotFolder(repo, kept.commit);
  const state = await readRepository(requests, { type: 'model', name: repo }, asked);
  const files = checkpointFiles(repo, state);
  check(repo, files);
  const onFile = (name: string, bytes: number) => {
    progress.log(`${name} of ${repo} (${byteSize(bytes)})`);
    return progress.begin(name, bytes);
  };
  const folder = await downloadCheckpoint(requests, repo, asked, state.commit, files, {
    ...{ signal, onFile, verify, onWait: (message: string) => progress.log(message) },
  });
  await recordCheckpoint(repo, { commit: state.commit, files: byName(files) });
  return folder;
}

/** Reports what a newer commit changed, without downloading it. */
async function tellNews(
  repo: string,
  kept: CheckpointRecord,
  requests: Requests,
  { log }: TransferProgress,
): Promise<void> {
  const state = await readRepository(requests, { type: 'model', name: repo }, NEWEST);
  if (state.commit === kept.commit) return;
  const newer = byName(checkpointFiles(repo, state));
  const names = [...new Set([...Object.keys(kept.files), ...Object.keys(newer)])];
  const changed = names.filter((name) => kept.files[name]?.hash !== newer[name]?.hash);
  const what = changed.length > 0 ? `changed ${changed.join(', ')}` : 'changed none of the required files';
  log(
    `${repo} has the newer commit ${state.commit}, which ${what}. Keeping ${kept.commit}; --update downloads the newer one.`,
  );
}

function byName(files: readonly HubFile[]): Record<string, CheckpointFile> {
  return Object.fromEntries(files.map(({ path, bytes, hash }) => [path, { bytes, hash }]));
}
