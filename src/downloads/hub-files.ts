import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { HubEntry } from '../datasets/catalogue-schema.js';
import { downloadFile } from '../fetch/download-file.js';
import { type HubFile, hashOption, readRepository } from '../fetch/hub-repository.js';
import { byteSize } from '../shared/byte-size.js';
import { UserError } from '../shared/errors.js';
import { insideFolder } from '../shared/inside-folder.js';
import { makeFolder } from '../shared/make-folder.js';
import { forEachParallel } from '../shared/parallel.js';
import { fileState, recordDownload, recordedHubFiles, recordHubFiles } from './download-record.js';
import type { DownloadTools, SplitJob } from './split-job.js';

const FILES_AT_ONCE = 4;

/** The repository's files that match a pattern, from the first repository that is available, sorted by path. */
export async function matchingHubFiles(
  { repos, revision, files: pattern }: Pick<HubEntry, 'repos' | 'revision' | 'files'>,
  { requests }: Pick<DownloadTools, 'requests'>,
): Promise<HubFile[]> {
  const failures: string[] = [];
  for (const name of repos) {
    try {
      const { files } = await readRepository(requests, { type: 'dataset', name }, revision);
      const matching = files.filter(({ path }) => new RegExp(pattern).test(path));
      if (matching.length > 0) return matching.sort((a, b) => (a.path < b.path ? -1 : 1));
      failures.push(`${name} (${revision}) has no files matching ${pattern}`);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      failures.push(error.message);
    }
  }
  throw new UserError(`No repository could be read:\n  ${failures.join('\n  ')}`);
}

/**
 * Downloads files of a repository under their paths in it; files of an earlier download are kept. Needs no network once all are
 * there.
 * @throws UserError when a file cannot be downloaded or has another hash
 */
export async function fetchHubFiles(entry: HubEntry, job: SplitJob): Promise<void> {
  const { folder, tools } = job;
  const { requests, signal, progress, verify = false } = tools;
  if (!verify && job.stale.size === 0 && (await areHubFilesThere(entry, folder))) return;
  const files = await matchingHubFiles(entry, tools);
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  progress.log(`${files.length} files from ${entry.repos[0]} (${byteSize(bytes)})`);
  await forEachParallel(files, FILES_AT_ONCE, async ({ path, url, headers, bytes, hash }) => {
    const to = insideFolder(folder, path);
    if (to === null) throw new UserError(`${entry.repos[0]} has a file with the unsafe path ${JSON.stringify(path)}.`);
    const state = await fileState(folder, path, verify);
    if (state === 'intact' && !job.stale.has(url)) return;
    await makeFolder(dirname(to));
    const transfer = progress.begin(basename(path), bytes);
    const source = {
      urls: [url],
      format: formatOf(path),
      bytes,
      ...hashOption(hash),
      headersFor: () => headers,
    } as const;
    const file = await downloadFile(requests, source, to, { signal, onProgress: transfer.update }).finally(
      transfer.end,
    );
    job.traffic.transferredBytes += file.transferredBytes;
    await recordDownload(folder, path, file);
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

function formatOf(path: string): 'parquet' | 'jsonl' | 'other' {
  if (path.endsWith('.parquet')) return 'parquet';
  return path.endsWith('.jsonl') ? 'jsonl' : 'other';
}
