import { existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { assetOf } from '../datasets/catalogue.js';
import type { Asset } from '../datasets/catalogue-schema.js';
import { checkPlacedFile, downloadFile, type FileSource } from '../fetch/download-file.js';
import { extractZip } from '../fetch/extract-zip.js';
import { RangeUnsupported } from '../fetch/http.js';
import { hubHeaders } from '../fetch/hub-address.js';
import { openRemoteZip } from '../fetch/remote-zip.js';
import type { WantedMember } from '../fetch/zip-members.js';
import { byteSize } from '../shared/byte-size.js';
import { countOf } from '../shared/count-of.js';
import { UserError } from '../shared/errors.js';
import { makeFolder } from '../shared/make-folder.js';
import { fileState, recordDownload, recordParts } from './download-record.js';
import { archiveFolder, isStale, type SplitJob, urlsOf } from './split-job.js';

/** Archives up to this size are downloaded completely and kept for other benchmarks. */
const WHOLE_ARCHIVE_BYTES = 64 << 20;

/** What is downloaded: an asset, or a file of a repository, which has no page of its own. */
type Fetchable = FileSource & Pick<Asset, 'page' | 'note'>;

/**
 * Ensures that an asset is in its place; downloads it if missing. A file placed there by hand is checked and recorded.
 * @param options.isOneOfMany of which the caller tells together: the start of its download is not told
 * @throws UserError when it cannot be downloaded or is not the expected file
 */
export async function ensureAsset(
  asset: Fetchable,
  folder: string,
  to: string,
  job: SplitJob,
  { isOneOfMany = false } = {},
): Promise<void> {
  const { progress } = job.tools;
  const path = join(folder, to);
  const state = await fileState(folder, to, job.tools.verify);
  const fetchIt = (): Promise<void> => fetchAsset(asset, folder, to, job, isOneOfMany);
  if (state === 'missing' || isStale(job, asset)) await fetchIt();
  else if (state === 'changed' && job.tools.verify && asset.urls.length > 0) {
    const aside = `${path}.changed`;
    await rename(path, aside);
    progress.log(`${path} was modified after its download: downloading it again. The modified file is now ${aside}.`);
    await fetchIt();
  } else if (state === 'changed') progress.log(`${path} was modified after its download. --verify downloads it again.`);
  else if (state === 'unverified') {
    const sha256 = await checkPlacedFile(path, asset);
    await recordDownload(folder, to, { url: 'put there by hand', etag: null, sha256 });
  }
}

async function fetchAsset(
  asset: Fetchable,
  folder: string,
  to: string,
  job: SplitJob,
  isOneOfMany: boolean,
): Promise<void> {
  const { requests, signal, progress } = job.tools;
  const path = join(folder, to);
  const urls = urlsOf(job, asset);
  if (urls.length === 0)
    throw new UserError(`${to} must be downloaded manually: see ${asset.page}, and save it as ${path}.`);
  if (!isOneOfMany) {
    progress.log(`${to}, from ${urls[0]}${asset.bytes === undefined ? '' : ` (${byteSize(asset.bytes)})`}`);
  }
  const transfer = progress.begin(to, asset.bytes ?? null);
  const headersFor = (url: string) => hubHeaders(job.hub, url);
  try {
    const onProgress = transfer.update;
    const file = await downloadFile(requests, { ...asset, urls, headersFor }, path, { signal, onProgress });
    job.traffic.transferredBytes += file.transferredBytes;
    await recordDownload(folder, to, file);
  } catch (error) {
    if (!(error instanceof UserError) || asset.page === undefined) throw error;
    const note = asset.note === undefined ? '' : ` (${asset.note})`;
    throw new UserError(
      `${error.message}\nAlternatively download it manually: see ${asset.page}${note}, save it as ${path}, and rerun the command.`,
      { cause: error },
    );
  } finally {
    transfer.end();
  }
}

/**
 * Extracts members of an archive: from the complete archive if it is small or already there, otherwise over range
 * requests, or from the complete archive if no server supports these.
 * @returns the URL or file that they came from
 */
export async function ensureMembers(id: string, wanted: readonly WantedMember[], job: SplitJob): Promise<string> {
  const { root, catalogue, progress } = job.tools;
  const asset = assetOf(catalogue, id);
  const { folder, name } = placeOfArchive(id, job);
  const isSmall = asset.bytes !== undefined && asset.bytes <= WHOLE_ARCHIVE_BYTES;
  const isKept = folder !== archiveFolder(root) || existsSync(join(folder, name));
  if (!isSmall && !isKept) {
    const url = await extractRemotely(asset, wanted, job);
    if (url !== null) return url;
    progress.log('  downloading the whole archive');
  }
  await makeFolder(folder);
  await ensureAsset(asset, folder, name, job);
  await extractZip(join(folder, name), wanted, { signal: job.tools.signal });
  return join(folder, name);
}

/** Where an archive is kept: in the benchmark's folder if its loader reads the archive itself. */
function placeOfArchive(id: string, { split, folder, tools }: SplitJob): { folder: string; name: string } {
  const packed = split.images.find((images) => images.kind === 'archive' && images.asset === id);
  return packed ? { folder, name: packed.to } : { folder: archiveFolder(tools.root), name: `${id}.zip` };
}

/** @returns the URL; null when a server does not support range requests */
async function extractRemotely(asset: Asset, wanted: readonly WantedMember[], job: SplitJob): Promise<string | null> {
  const { requests, signal, progress } = job.tools;
  const failures: string[] = [];
  for (const url of urlsOf(job, asset)) {
    const transfer = progress.begin(countOf(wanted.length, 'file'), null);
    try {
      const zip = await openRemoteZip(requests, url, hubHeaders(job.hub, url));
      const { totalBytes, etag, traffic } = zip;
      await zip.extract(wanted, { signal, onProgress: transfer.update });
      const savedBytes = Math.max(0, totalBytes - traffic.transferredBytes);
      job.traffic.transferredBytes += traffic.transferredBytes;
      job.traffic.savedBytes += savedBytes;
      await recordParts(job.folder, url, { etag, bytes: totalBytes });
      const transferred = byteSize(traffic.transferredBytes);
      progress.log(`  ${transferred} in ${countOf(traffic.requests, 'request')}, ${byteSize(savedBytes)} saved`);
      return url;
    } catch (error) {
      if (error instanceof RangeUnsupported) {
        progress.log(`  ${error.message}`);
        return null;
      }
      if (!(error instanceof UserError)) throw error;
      failures.push(error.message);
    } finally {
      transfer.end();
    }
  }
  throw new UserError(failures.length === 1 ? failures[0]! : `No source worked:\n  ${failures.join('\n  ')}`);
}
