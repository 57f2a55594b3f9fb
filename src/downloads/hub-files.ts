import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { HubEntry } from '../datasets/catalogue-schema.js';
import type { FileSource } from '../fetch/download-file.js';
import { type HubFile, hashOption, readRepository } from '../fetch/hub-repository.js';
import { byteSize } from '../shared/byte-size.js';
import { countOf } from '../shared/count-of.js';
import { UserError } from '../shared/errors.js';
import { insideFolder } from '../shared/inside-folder.js';
import { forEachParallel } from '../shared/parallel.js';
import { recordedHubFiles, recordHubFiles } from './download-record.js';
import { ensureAsset } from './fetch-asset.js';
import type { DownloadTools, SplitJob } from './split-job.js';

const FILES_AT_ONCE = 4;

/** Files of a repository, and the name under which it was available. */
interface FoundFiles {
  repo: string;
  /** Sorted by path. */
  files: HubFile[];
}

/** The repository's files that match a pattern, from the first of its names that is available. */
export async function matchingHubFiles(
  { repos, revision, files: pattern }: Pick<HubEntry, 'repos' | 'revision' | 'files'>,
  { requests }: Pick<DownloadTools, 'requests'>,
): Promise<FoundFiles> {
  const failures: string[] = [];
  for (const name of repos) {
    try {
      const { files } = await readRepository(requests, { type: 'dataset', name }, revision);
      const matching = files.filter(({ path }) => new RegExp(pattern).test(path));
      if (matching.length > 0) return { repo: name, files: matching.sort((a, b) => (a.path < b.path ? -1 : 1)) };
      failures.push(`${name} (${revision}) has no files matching ${pattern}`);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      failures.push(error.message);
    }
  }
  throw new UserError(`No repository could be read:\n  ${failures.join('\n  ')}`);
}

/**
 * Ensures that the files of a repository are there under their paths in it, each like an asset. Needs no network once all are
 * there.
 * @throws UserError when a file cannot be downloaded or is not the repository's
 */
export async function fetchHubFiles(entry: HubEntry, job: SplitJob): Promise<void> {
  const { folder, tools } = job;
  const { progress, verify = false } = tools;
  if (!verify && job.stale.size === 0 && (await areHubFilesThere(entry, folder))) return;
  const { repo, files } = await matchingHubFiles(entry, tools);
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  progress.log(`${countOf(files.length, 'file')} from ${repo} (${byteSize(bytes)})`);
  await forEachParallel(files, FILES_AT_ONCE, async (file) => {
    const { path } = file;
    if (insideFolder(folder, path) === null) {
      throw new UserError(`${repo} has a file with the unsafe path ${JSON.stringify(path)}.`);
    }
    await ensureAsset(sourceOf(file, repo, entry.repos), folder, path, job, { isOneOfMany: true });
  });
  await recordHubFiles(
    folder,
    entry.files,
    files.map(({ path }) => path),
  );
}

/** Whether a download of these files was completed, and they are still there. */
export async function areHubFilesThere({ files: pattern }: HubEntry, folder: string): Promise<boolean> {
  const recorded = await recordedHubFiles(folder, pattern);
  return recorded?.every((path) => existsSync(join(folder, path))) ?? false;
}

/** A file under every name of its repository, the one that was available first. */
function sourceOf({ path, url, bytes, hash }: HubFile, repo: string, repos: readonly string[]): FileSource {
  const others = repos.filter((name) => name !== repo);
  const urls = [url, ...others.map((name) => url.replace(`/datasets/${repo}/`, `/datasets/${name}/`))];
  return { urls, format: formatOf(path), bytes, ...hashOption(hash) };
}

function formatOf(path: string): 'parquet' | 'jsonl' | 'other' {
  if (path.endsWith('.parquet')) return 'parquet';
  return path.endsWith('.jsonl') ? 'jsonl' : 'other';
}
